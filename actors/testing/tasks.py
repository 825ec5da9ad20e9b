"""Tasks in any status, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from ..rules.field_types import wrong_type
from ..rules.outcome import Outcome
from ..rules.status import TaskStatus
from ..rules.task import Task
from .manual_clock import START


def make_task(
    id: int = 1,  # noqa: A002 - the name of the field
    status: TaskStatus | str = TaskStatus.QUEUED,
    **fields: Any,  # noqa: ANN401 - the fields of a task
) -> Task:
    """Return a task in any status, with consistent fields.

    It was added at 2026-01-02 03:04:05 UTC, started a second later and, if it has
    ended, ran for eight seconds.

    Args:
        id: Its id.
        status: Its status.
        fields: Any other field of `Task`.

    Raises:
        ValueError: If the fields contradict each other; see `Task`.
        TypeError: If a field doesn't exist, or its value has a wrong type.
    """
    status = TaskStatus(status)
    task = Task(
        id=id,
        description="Job",
        kind="fake",
        directory="/",
        reason="starting",
        queued_at=START,
    )
    if status is not TaskStatus.QUEUED:
        task = task.started(START + timedelta(seconds=1))
    if status.is_final:
        error = "it failed" if status is TaskStatus.FAILED else None
        outcome = Outcome(status, error or status.value, error=error)
        task = task.ended(outcome, START + timedelta(seconds=9), 8.0)
    if "reason" in fields and status is TaskStatus.FAILED:
        fields.setdefault("error", fields["reason"])
    task = msgspec.structs.replace(task, **fields)
    if (problem := wrong_type(task)) is not None:
        raise TypeError(problem)
    return task
