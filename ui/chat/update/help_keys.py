"""The list of keys: opening it, moving in it, and going back to what was below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model.state import Focus, HelpKeys
from ..views.help_keys import clamped_top
from ..views.layout import measured

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.state import ChatState


def show_keys(state: ChatState) -> None:
    """Lay the list over the screen, from its start."""
    state.overlay = HelpKeys(state.detail)


def take_list_key(state: ChatState, shown: HelpKeys, key: Key) -> bool:
    """Take a key while the list is shown.

    Returns:
        Whether that is all. If not, the list is gone, and the key still has to do what
        it does in the input: whoever goes on typing need not close the list first.
    """
    parts, _ = measured(state)
    page = max(1, parts.body - 2)
    match key.name:
        case "up":
            step = -1
        case "down":
            step = 1
        case "pgup":
            step = -page
        case "pgdn" | "space":
            step = page
        case _:
            state.overlay = shown.under
            typed = key.text and key.text not in "?q"
            in_input = shown.under is None and state.focus is Focus.INPUT
            return not (typed and in_input)
    scroll_list(state, shown, step)
    return True


def scroll_list(state: ChatState, shown: HelpKeys, rows: int) -> None:
    """Move down by rows, or up if negative."""
    parts, _ = measured(state)
    top = clamped_top(state, shown.top + rows, state.size.columns, parts.body)
    state.overlay = replace(shown, top=top)
