"""Bursts of news: when several lines become one.

A line for each of a thousand tasks would flood the conversation. News that arrive in
quick succession form a group. Within it each task has one line, which shows its latest
status; a group with more than a few tasks becomes a single line of counts.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ....actors import TaskStatus

if TYPE_CHECKING:
    from ...dialogue.entries import TaskNews

GAP: Final = timedelta(seconds=1)
"""The pause after which news begin a new group."""

LINES: Final = 5
"""Maximum number of tasks with a line each; a larger group becomes one line."""

_NAMED: Final = 3


class Burst(msgspec.Struct, frozen=True):
    """The news of many tasks in one line.

    Attributes:
        at: When the last change happened (UTC).
        counts: The number of tasks by their latest status, in the order to be shown.
        failed: The ids of the first failed tasks.
        failed_last: The id of the task that failed last; None if none failed.
        later: The number of tasks with later news, which are shown further down.
        gone: The number of forgotten tasks whose end this chat has not received.
    """

    at: datetime
    counts: tuple[tuple[TaskStatus, int], ...]
    failed: tuple[int, ...]
    failed_last: int | None = None
    later: int = 0
    gone: int = 0

    def without(self, status: TaskStatus, *, gone: bool = False) -> Burst:
        """Return this line without a task of this status.

        The task has later news or, if `gone`, was forgotten.
        """
        counts = tuple((it, n - (it is status)) for it, n in self.counts)
        counts = tuple((it, n) for it, n in counts if n)
        later, left = self.later + (not gone), self.gone + gone
        return replace(self, counts=counts, later=later, gone=left)


_ORDER: Final = (
    TaskStatus.COMPLETE,
    TaskStatus.FAILED,
    TaskStatus.CANCELED,
    TaskStatus.RUNNING,
    TaskStatus.QUEUED,
)


class NewsGroup:
    """The news since the last pause, by task."""

    def __init__(self, first: TaskNews) -> None:
        self._statuses: dict[int, TaskStatus] = {}
        self._counts: Counter[TaskStatus] = Counter()
        self._failed: list[int] = []
        self._failed_last: int | None = None
        self._last = first.at
        self._lines: dict[int, TaskNews] = {}
        self.first_seq = self.last_seq = first.change.seq
        """The numbers of the first and the last change in the group."""
        self.add(first)

    def continues(self, news: TaskNews) -> bool:
        """Return whether news came soon enough after the last to join the group."""
        return news.at - self._last <= GAP

    def knows(self, task_id: int) -> bool:
        """Return whether the group has news of this task."""
        return task_id in self._statuses

    def has_open(self, task_id: int) -> bool:
        """Return whether the group has news of this task, but not of its end."""
        status = self._statuses.get(task_id)
        return status is not None and not status.is_final

    @property
    def is_burst(self) -> bool:
        """Whether the group has too many tasks for a line each."""
        return len(self._statuses) > LINES

    def add(self, news: TaskNews) -> None:
        """Add news."""
        task = news.change.task
        before = self._statuses.get(task.id)
        if before is not None:
            self._counts[before] -= 1
        self._statuses[task.id] = task.status
        self._counts[task.status] += 1
        if task.status is TaskStatus.FAILED:
            self._failed_last = task.id
            if len(self._failed) < _NAMED:
                self._failed.append(task.id)
        self._last = news.at
        self.last_seq = max(self.last_seq, news.change.seq)
        if self.is_burst:
            self._lines.clear()
        else:
            self._lines[task.id] = news

    @property
    def lines(self) -> tuple[TaskNews, ...]:
        """The latest news of each task; empty if the group is a burst."""
        return tuple(self._lines.values())

    @property
    def statuses(self) -> tuple[tuple[int, TaskStatus], ...]:
        """The tasks in the group, and the latest status of each."""
        return tuple(self._statuses.items())

    def burst(self) -> Burst:
        """Return the group as one line."""
        counts = tuple(
            (status, self._counts[status]) for status in _ORDER if self._counts[status]
        )
        return Burst(self._last, counts, tuple(self._failed), self._failed_last)
