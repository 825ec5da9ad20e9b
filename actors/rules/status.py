"""The statuses of a task, and their legal transitions."""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class TaskStatus(enum.StrEnum):
    """The status of a task; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"

    is_final: bool
    """Whether the status can't change any more."""


LEGAL_TRANSITIONS: Final[dict[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.QUEUED: frozenset({TaskStatus.RUNNING, TaskStatus.CANCELED}),
    TaskStatus.RUNNING: frozenset(
        {TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELED}
    ),
    TaskStatus.COMPLETE: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.CANCELED: frozenset(),
}
"""The state machine; every change of status is checked against it."""

OPEN_STATUSES: Final = (TaskStatus.QUEUED, TaskStatus.RUNNING)
"""The statuses that are not final."""

for _status, _after in LEGAL_TRANSITIONS.items():
    _status.is_final = not _after


class TaskFilter(enum.StrEnum):
    """Which tasks to list, by status."""

    ALL = "all"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"
    NOT_CANCELED = "not canceled"

    @property
    def statuses(self) -> tuple[TaskStatus, ...]:
        """The statuses of the tasks that belong in the list."""
        return _LISTED[self]


_LISTED: Final[dict[TaskFilter, tuple[TaskStatus, ...]]] = {
    TaskFilter.ALL: tuple(TaskStatus),
    TaskFilter.FINISHED: tuple(it for it in TaskStatus if it.is_final),
    TaskFilter.NOT_CANCELED: tuple(
        it for it in TaskStatus if it is not TaskStatus.CANCELED
    ),
} | {TaskFilter(status.value): (status,) for status in TaskStatus}


class TaskCounts(msgspec.Struct, frozen=True, gc=False):
    """The number of tasks in each status.

    Attributes:
        queued: Number of queued tasks.
        running: Number of running tasks.
        complete: Number of complete tasks.
        failed: Number of failed tasks.
        canceled: Number of canceled tasks.
    """

    queued: int = 0
    running: int = 0
    complete: int = 0
    failed: int = 0
    canceled: int = 0
