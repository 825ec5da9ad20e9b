"""The list of keys: open it, and scroll it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.state import HelpKeys
from ..views.help_keys import clamped_top
from ..views.layout import measured

if TYPE_CHECKING:
    from ..model.state import ChatState


def show_keys(state: ChatState) -> None:
    """Open the list at its start."""
    state.overlay = HelpKeys()


def scroll_list_by(state: ChatState, shown: HelpKeys, action: str) -> None:
    """Perform a scroll action of `keymap.HELP`."""
    parts, _ = measured(state)
    page = max(1, parts.body - 2)
    steps = {"up": -1, "down": 1, "page-up": -page, "page-down": page}
    scroll_list(state, shown, steps[action])


def scroll_list(state: ChatState, shown: HelpKeys, rows: int) -> None:
    """Scroll down by rows, or up if negative."""
    parts, _ = measured(state)
    top = clamped_top(state, shown.top + rows, state.size.columns, parts.body)
    state.overlay = HelpKeys(top)
