"""The mouse: its wheel scrolls, a click selects a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from .. import commands
from ..views.layout import measured
from ..views.task_panel import FRAME, shown_tasks
from .absorb import absorb
from .panel_keys import focus_panel
from .scrolling import scroll
from .state import Focus

if TYPE_CHECKING:
    from ..keys import Click, Wheel
    from .effects import Effect
    from .state import ChatState

WHEEL_ROWS: Final = 3
"""How far one step of the wheel goes."""


def wheel(state: ChatState, event: Wheel) -> None:
    """Scroll what is in sight."""
    rows = -WHEEL_ROWS if event.up else WHEEL_ROWS
    if state.detail is not None:
        if state.detail.pager is not None:
            state.detail.pager.scroll(rows)
    elif state.overlay is None:
        scroll(state, rows)


def click(state: ChatState, event: Click) -> list[Effect]:
    """Select the task that was clicked, and open it if it was selected already."""
    if state.overlay is not None:
        return []
    parts, _ = measured(state)
    first = parts.header + parts.header_rule + parts.transcript + 1
    shown, _, _ = shown_tasks(state, max(0, parts.panel - FRAME))
    index = event.y - first
    if not 0 <= index < len(shown):
        if event.y >= first + parts.panel - 1:
            state.focus = Focus.INPUT
        return []
    task_id = shown[index].task.id
    if state.focus is Focus.PANEL and state.panel.selected == task_id:
        command = commands.ShowTask(task_id)
        where = state.conversations.current.name
        return absorb(state, state.dialogue.take_command(command, where))
    state.panel = replace(state.panel, selected=task_id)
    focus_panel(state)
    return []
