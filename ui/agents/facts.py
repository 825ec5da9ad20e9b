"""The description of a task for agents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, UnsetType

from ...actors.rules.safe_text import brief, safe_line, safe_lines
from ...actors.rules.status import TaskStatus
from .results import TaskFacts

if TYPE_CHECKING:
    from ...actors.rules.task import Task

_LONGEST_COMMAND: Final = 2000


def facts(task: Task) -> TaskFacts:
    """Return the description of a task for an agent, safe to show."""
    return TaskFacts(
        id=task.id,
        description=safe_line(task.description),
        command=brief("\n".join(safe_lines(" ".join(task.args))), _LONGEST_COMMAND),
        status=task.status.value,
        reason=safe_line(task.reason),
        queued_at=timestamp(task.queued_at),
        origin=safe_line(task.origin),
        exit_code=UNSET if task.exit_code is None else task.exit_code,
        started_at=UNSET if task.started_at is None else timestamp(task.started_at),
        ended_at=UNSET if task.ended_at is None else timestamp(task.ended_at),
        seconds=_seconds(task),
        progress=UNSET if task.progress is None else task.progress,
        directory=UNSET if task.directory is None else safe_line(task.directory),
        output_size=task.output_size,
        awaits_input=task.awaits_input,
    )


def line(task: Task) -> str:
    """Return a summary of a task in one line."""
    seconds = _seconds(task)
    ran = "" if seconds is UNSET else f", {seconds:g} s"
    progress = "" if task.progress is None else f", {task.progress} %"
    name = brief(safe_line(task.description), 80)
    reason = safe_line(task.reason)
    why = "" if reason == task.status.value else f": {reason}"
    return f"#{task.id} {task.status.value}{why}{ran}{progress} ({name})"


def timestamp(at: datetime) -> str:
    """Return a date and time as ISO 8601 in UTC, to the millisecond."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _seconds(task: Task) -> float | UnsetType:
    if task.started_at is None:
        return UNSET
    if task.status is TaskStatus.RUNNING:
        return round(max(0.0, (datetime.now(UTC) - task.started_at).total_seconds()), 1)
    return UNSET if task.duration is None else round(task.duration, 3)
