"""When to redraw the screen as time passes: only while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors import TaskStatus
from ..dialogue.reports import counts_down
from .model.state import HelpKeys, Leaving, Question
from .views.task_panel import FRAME, shown_tasks

if TYPE_CHECKING:
    from .model.state import ChatState, Detail
    from .views.layout import Areas

_AFTER: Final = 0.05  # seconds until a complete group of news is recorded

SPIN: Final = 0.1
"""Seconds between two frames of a spinner."""

LINGERING: Final = 0.5
"""Seconds between two checks for tasks that have lingered long enough."""

COUNTING: Final = 1.0
"""Seconds between two frames of a countdown."""


def next_beat(state: ChatState, parts: Areas) -> float | None:
    """Return the time until the screen must be redrawn.

    Returns:
        Seconds, or None if nothing changes until a message arrives; the chat uses no
        processor time until then.
    """
    at = state.conversations.settles_at
    writes = None if at is None else max(0.0, at - state.now) + _AFTER
    moves = _next_move(state, parts)
    counts = COUNTING if state.doing else None
    beats = (it for it in (writes, moves, counts) if it is not None)
    return min(beats, default=None)


def _next_move(state: ChatState, parts: Areas) -> float | None:
    match state.overlay:
        case HelpKeys():
            return None
        case Question(expires=expires):
            return max(0.0, expires - state.now)
        case Leaving() | None:
            pass
    if state.detail is not None:
        return _detail_beat(state, state.detail)
    if not parts.panel:
        return None
    if state.board.is_moving(state.now):
        return SPIN if any(state.board.running) else LINGERING
    shown, _, _ = shown_tasks(state, max(0, parts.panel - FRAME))
    counts = any(counts_down(seen.task) is not None for seen in shown)
    return COUNTING if counts else None


def _detail_beat(state: ChatState, detail: Detail) -> float | None:
    if detail.pager is not None and detail.pager.status.searching:
        return 0.0
    seen = state.board.find(detail.task_id)
    running = seen is not None and seen.task.status is TaskStatus.RUNNING
    return SPIN if running else None
