"""The line for a search or a filter: open it, type, apply it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ....actors.rules.safe_text import safe_line
from ...editor.editor import Editor
from ..model import keymap
from ..model.state import Field, Focus, Purpose
from .selection import select

if TYPE_CHECKING:
    from ...terminal.keys import Key, Paste
    from ..model.keymap import Keymap
    from ..model.state import ChatState

_BREAKS: Final = {"ctrl-j", "alt-enter", "shift-enter", "ctrl-enter"}
_REMEMBERED: Final = 100


def open_prompt(state: ChatState, purpose: Purpose) -> None:
    """Open the line for a purpose."""
    earlier = () if purpose is Purpose.TASKS else state.searches
    editor = Editor(earlier, state.editor.styles)
    if purpose is Purpose.TASKS:
        editor.set_text(state.tasks.words)
    state.prompt = Field(purpose, editor)


def keymap_of(purpose: Purpose) -> Keymap:
    """Return the keymap of a line."""
    return keymap.TASK_FILTER if purpose is Purpose.TASKS else keymap.FIELD


def take_prompt_key(state: ChatState, prompt: Field, key: Key) -> None:
    """Handle a key while a line is open."""
    editor = prompt.editor
    match "" if editor.searching else keymap_of(prompt.purpose).action(key.name):
        case "apply":
            state.prompt = None
            _apply(state, prompt.purpose, editor.text.strip())
        case "drop":
            state.prompt = None
            if prompt.purpose is Purpose.TASKS:
                filter_tasks(state, "")
        case "up":
            select(state, -1)
        case "down":
            select(state, 1)
        case _ if key.name in _BREAKS:
            pass
        case _:
            if key.name == "backspace" and not editor.text:
                state.prompt = None
            editor.handle(key)
            if prompt.purpose is Purpose.TASKS:
                filter_tasks(state, editor.text)


def paste_into_prompt(state: ChatState, prompt: Field, paste: Paste) -> None:
    """Insert the first line of a paste."""
    prompt.editor.insert(safe_line(paste.text.strip("\n").partition("\n")[0]))
    if prompt.purpose is Purpose.TASKS:
        filter_tasks(state, prompt.editor.text)


def filter_tasks(state: ChatState, words: str) -> None:
    """List only the tasks that match, and select one."""
    state.tasks = replace(state.tasks, words=words)
    select(state, 0)


def _apply(state: ChatState, purpose: Purpose, text: str) -> None:
    if purpose is Purpose.TASKS:
        filter_tasks(state, text)
        return
    pager = state.detail.pager if state.detail else None
    if pager is None:
        return
    if text:
        state.searches = [*(it for it in state.searches if it != text), text]
        del state.searches[:-_REMEMBERED]
    if purpose is Purpose.LINES:
        pager.show_only(text)
        return
    if not text and not state.searches:
        state.notice = "no earlier search"
        return
    # At the end of the output, search upward.
    down = not pager.status.following
    pager.search(text or state.searches[-1], forward=down)
    state.focus = Focus.TASK
