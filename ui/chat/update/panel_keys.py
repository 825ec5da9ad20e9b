"""Keys for the task panel: selecting, and what is done with the selected task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ...dialogue import commands
from ..model.state import Focus
from ..views.layout import measured
from .absorb import absorb
from .common_keys import take_common_key
from .help_keys import show_keys

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.effects import Effect
    from ..model.state import ChatState

_PAGE: Final = 5


def focus_panel(state: ChatState) -> None:
    """Give the keys to the task panel, and select a task if none is.

    Not in a window that is too low to show it: a key for a task nobody sees would be
    one for the input that went wrong.
    """
    state.focus = Focus.PANEL
    if leave_unseen_panel(state):
        state.notice = "too low a window to show the tasks; /tasks lists them"
        return
    state.choice = None
    select(state, 0)


def leave_unseen_panel(state: ChatState) -> bool:
    """Give the keys back to the input if there is no room for the task panel.

    Returns:
        Whether there was none.
    """
    parts, _ = measured(state)
    if state.focus is Focus.INPUT or parts.panel:
        return False
    state.focus = Focus.INPUT
    state.panel = replace(state.panel, typing=False)
    return True


def take_panel_key(state: ChatState, key: Key) -> list[Effect]:
    """Take a key while the panel has the focus."""
    if state.panel.typing:
        return _take_filter_key(state, key)
    match key.name:
        case "up" | "k":
            select(state, -1)
        case "down" | "j":
            select(state, 1)
        case "pgup":
            select(state, -_PAGE)
        case "pgdn":
            select(state, _PAGE)
        case "home" | "g":
            select(state, -len(_ids(state)))
        case "end" | "G":
            select(state, len(_ids(state)))
        case "?" | "f1":
            show_keys(state)
        case "/":
            state.panel = replace(state.panel, typing=True)
        case "escape" if state.panel.words:
            _filter(state, "")
        case "escape" | "tab" | "shift-tab" | "q":
            state.focus = Focus.INPUT
        case _:
            effects = take_task_key(state, key, state.panel.selected)
            return effects if effects is not None else _rest(state, key)
    return []


def take_task_key(
    state: ChatState, key: Key, task_id: int | None
) -> list[Effect] | None:
    """Do something with one task; none if the key means nothing for it."""
    seen = None if task_id is None else state.board.find(task_id)
    if seen is None:
        return None
    task = seen.task
    match key.name:
        case "enter":
            command: commands.Command = commands.ShowTask(task.id)
        case "x":
            command = commands.Cancel((task.id,))
        case "X":
            command = commands.Cancel((task.id,), now=True)
        case "r":
            command = commands.Run(task.request)
        case _:
            return None
    where = state.conversations.current.name
    return absorb(state, state.dialogue.take_command(command, where))


def _rest(state: ChatState, key: Key) -> list[Effect]:
    return take_common_key(state, key) or []


def _take_filter_key(state: ChatState, key: Key) -> list[Effect]:
    words = state.panel.words
    match key.name:
        case "enter" | "tab":
            state.panel = replace(state.panel, typing=False)
        case "escape":
            _filter(state, "")
        case "backspace":
            _filter(state, words[:-1], typing=True)
        case "up":
            select(state, -1)
        case "down":
            select(state, 1)
        case _ if key.text:
            _filter(state, words + key.text, typing=True)
        case _:
            return _rest(state, key)
    return []


def _filter(state: ChatState, words: str, *, typing: bool = False) -> None:
    state.panel = replace(state.panel, words=words, typing=typing)
    select(state, 0)


def _ids(state: ChatState) -> list[int]:
    return state.board.list_ids(state.panel.words)


def select(state: ChatState, step: int) -> None:
    """Select the task that is so many rows further down, or up if negative."""
    ids = _ids(state)
    selected = state.panel.selected
    if not ids:
        return
    at = ids.index(selected) + step if selected in ids else 0
    at = max(0, min(at, len(ids) - 1))
    state.panel = replace(state.panel, selected=ids[at])
