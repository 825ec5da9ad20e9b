"""The mouse: the wheel scrolls, a click selects or opens a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..model.state import Focus, HelpKeys, Question
from ..views.layout import measured
from . import output
from .help_keys import scroll_list
from .scrolling import scroll

if TYPE_CHECKING:
    from ...terminal.keys import Click, Wheel
    from ..model.effects import Effect
    from ..model.state import ChatState

WHEEL_ROWS: Final = 3
"""Rows that one step of the wheel scrolls."""


def wheel(state: ChatState, event: Wheel) -> None:
    """Scroll the visible part."""
    rows = -WHEEL_ROWS if event.up else WHEEL_ROWS
    if isinstance(state.overlay, HelpKeys):
        scroll_list(state, state.overlay, rows)
    elif state.overlay is not None:
        pass
    elif state.detail is not None:
        output.scroll(state.detail, rows)
    else:
        found = _panel_at(state, event.y)
        panel = state.panel
        if panel is not None and found is not None and found[0] == state.panel_index:
            panel.act(state, "up" if event.up else "down")
        else:
            scroll(state, rows)


def click(state: ChatState, event: Click) -> list[Effect]:
    """Give the clicked part the focus; a panel handles the click as well."""
    state.letters = None
    if state.overlay is not None:
        if isinstance(state.overlay, Question):
            state.overlay = None
        return []
    parts, _ = measured(state)
    body = parts.header + parts.header_rule
    if event.y >= body + parts.body:
        state.focus = Focus.INPUT
        state.prompt = None
        return []
    if state.detail is not None:
        if event.y >= body and state.prompt is None:
            state.focus = Focus.TASK
            state.choice = None
        return []
    found = _panel_at(state, event.y)
    if found is None:
        return []
    index, row, height = found
    return state.panels[index].press(state, row, height)


def _panel_at(state: ChatState, y: int) -> tuple[int, int, int] | None:
    """Return the panel at a row of the screen, the row in it, and its height.

    None if there is no panel.
    """
    parts, _ = measured(state)
    row = y - parts.header - parts.header_rule - parts.transcript
    for index, height in enumerate(parts.panels):
        if 0 <= row < height:
            return index, row, height
        row -= height
    return None
