"""Move the focus between the parts of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.panel import FOCUS
from ..model.state import Focus
from ..views.layout import measured

if TYPE_CHECKING:
    from ..model.effects import Effect
    from ..model.state import ChatState


def focus_panel(state: ChatState, index: int = 0) -> list[Effect]:
    """Give a panel the focus.

    Not if the window is too low to show the panel: keys meant for the input would act
    on invisible tasks.
    """
    state.focus, state.panel_index = Focus.PANEL, index
    panel = state.panel
    if panel is None or leave_unseen_panel(state):
        state.focus = Focus.INPUT
        state.notice = "the window is too low to show the tasks; /tasks lists them"
        return []
    state.choice = None
    return panel.act(state, FOCUS)


def focus_named(state: ChatState, name: str) -> list[Effect]:
    """Give the panel with this name the focus; see `focus_panel`."""
    return focus_panel(state, [panel.name for panel in state.panels].index(name))


def focus_next(state: ChatState, step: int = 1) -> list[Effect]:
    """Move the focus to the next part, cyclically.

    Hidden panels are skipped. A step of -1 moves backward.
    """
    if state.focus is Focus.INPUT and state.detail is not None:
        state.focus = Focus.TASK
        state.choice = None
        return []
    if state.focus is Focus.TASK:
        state.focus = Focus.INPUT
        return []
    leaves_input = state.focus is Focus.INPUT
    first = 0 if leaves_input else state.panel_index + step
    for index in range(first, len(state.panels) if step > 0 else -1, step):
        state.focus, state.panel_index = Focus.PANEL, index
        if not leave_unseen_panel(state):
            return focus_panel(state, index)
    if leaves_input:
        return focus_panel(state)
    state.focus = Focus.INPUT
    return []


def leave_unseen_panel(state: ChatState) -> bool:
    """Give the focus of an invisible panel to the input; return whether it moved."""
    if state.focus is not Focus.PANEL:
        return False
    parts, _ = measured(state)
    if state.panel_index < len(parts.panels) and parts.panels[state.panel_index]:
        return False
    state.focus = Focus.INPUT
    state.prompt = None
    return True


def close_detail(state: ChatState) -> None:
    """Close the opened task; the focus returns to the part that had it before."""
    detail, state.detail = state.detail, None
    if detail is not None and state.focus is Focus.TASK:
        back = detail.opened_from
        state.focus = Focus.INPUT if back is Focus.TASK else back
        leave_unseen_panel(state)
