"""The panel of found lines, and the actions of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dialogue import commands
from ...dialogue.search_actor import StopSearch
from ..model import keymap
from ..model.panel import Panel
from ..model.state import Focus
from ..views.found_panel import NAME, TITLE, first_shown, found_height, found_rows
from .focus import focus_named
from .help_keys import show_keys
from .questions import carry_out

if TYPE_CHECKING:
    from ..model.effects import Effect
    from ..model.found import Found
    from ..model.state import ChatState


def _act(state: ChatState, action: str) -> list[Effect]:
    found = state.found
    if found is None:
        return []
    steps = keymap.selecting_steps(len(found.hits))
    match action:
        case _ if action in steps:
            found.select(steps[action])
        case "open":
            return _open(state, found)
        case "help":
            show_keys(state)
        case "back" if not found.ended:
            return [StopSearch()]
        case "back":
            state.found = None
            state.focus = Focus.INPUT
        case _:
            pass
    return []


def _open(state: ChatState, found: Found) -> list[Effect]:
    """Open the task that printed the selected line, at this line."""
    if not found.hits:
        return []
    found.opening = found.hits[found.selected]
    return carry_out(state, commands.ShowTask(found.opening.id))


def _press(state: ChatState, row: int, height: int) -> list[Effect]:
    """Open the line that was clicked."""
    found = state.found
    if found is None:
        return []
    index = first_shown(found, height - TITLE) + row - TITLE
    if row < TITLE or not 0 <= index < len(found.hits):
        return []
    found.selected = index
    effects = focus_named(state, NAME)
    return [*effects, *_open(state, found)]


_KEYS: Final = keymap.Keymap(
    "Results of /find",
    (
        *keymap.SELECTING,
        keymap.Binding(
            ("enter",), "open", "Enter", "open the task at the line", "open"
        ),
        keymap.Binding(
            ("escape", "q"), "back", "Esc", "stop the search, then close", "back"
        ),
        keymap.Binding(("?",), "help", "?", hint="keys"),
    ),
)

FOUND_PANEL: Final = Panel(NAME, found_height, found_rows, _KEYS, _act, press=_press)
