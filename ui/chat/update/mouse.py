"""The mouse: its wheel scrolls what it is over, a click selects or opens a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from ...dialogue import commands
from ..model.state import Confirm, Detail, Focus, HelpKeys
from ..views.layout import measured
from ..views.task_panel import FRAME, shown_tasks
from .absorb import absorb
from .help_keys import scroll_list
from .panel_keys import focus_panel, select
from .scrolling import scroll

if TYPE_CHECKING:
    from ...terminal.keys import Click, Wheel
    from ..model.effects import Effect
    from ..model.state import ChatState
    from ..views.layout import Areas

WHEEL_ROWS: Final = 3
"""How far one step of the wheel goes."""


def wheel(state: ChatState, event: Wheel) -> None:
    """Scroll what is in sight."""
    rows = -WHEEL_ROWS if event.up else WHEEL_ROWS
    match state.overlay:
        case Detail(pager=pager):
            if pager is not None:
                pager.scroll(rows)
        case HelpKeys():
            scroll_list(state, state.overlay, rows)
        case Confirm():
            pass
        case None:
            parts, _ = measured(state)
            below = event.y - _first_task(parts) + 1
            if state.focus is Focus.PANEL and 0 <= below < parts.panel:
                select(state, -1 if event.up else 1)
            else:
                scroll(state, rows)
        case _:
            assert_never(state.overlay)


def click(state: ChatState, event: Click) -> list[Effect]:
    """Select the task that was clicked, or open it.

    In the list one click selects and the next one opens. Outside of it one has to do:
    the list is longer than what is seen before, and the task moves as it gets it.
    """
    if state.overlay is not None:
        return []
    parts, _ = measured(state)
    first = _first_task(parts)
    shown, _, _ = shown_tasks(state, max(0, parts.panel - FRAME))
    index = event.y - first
    if not 0 <= index < len(shown):
        if event.y >= first + parts.panel - 1:
            state.focus = Focus.INPUT
        return []
    task_id = shown[index].task.id
    opens = state.focus is not Focus.PANEL or state.panel.selected == task_id
    state.panel = replace(state.panel, selected=task_id)
    focus_panel(state)
    if not opens:
        return []
    where = state.conversations.current.name
    command = commands.ShowTask(task_id)
    return absorb(state, state.dialogue.take_command(command, where))


def _first_task(parts: Areas) -> int:
    """Return the row of the screen, from 0, of the first task in the panel."""
    return parts.header + parts.header_rule + parts.transcript + 1
