"""News that come thick and fast: when several lines become one.

A line for each of a thousand tasks would bury the conversation. News that follow each
other closely form a group. Within it a task has one line, which shows its latest
status; and once the group has more than a few tasks, all of it becomes a single line
that counts.
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
"""News that come later than this after the last begin a new group."""

LINES: Final = 5
"""Tasks that have a line each before the group becomes one line."""

_NAMED: Final = 3


class Burst(msgspec.Struct, frozen=True):
    """Many tasks in one line.

    Attributes:
        at: When the last of it happened (UTC).
        counts: How many tasks reached which status last, in the order to be shown.
        failed: The ids of the first few that failed.
        failed_last: The id of the one that failed last; None if none did.
        later: How many have had news since, which are shown further down.
        gone: How many have ended, nobody told this chat how, and are forgotten.
    """

    at: datetime
    counts: tuple[tuple[TaskStatus, int], ...]
    failed: tuple[int, ...]
    failed_last: int | None = None
    later: int = 0
    gone: int = 0

    def without(self, status: TaskStatus, *, gone: bool = False) -> Burst:
        """Return this line once a task that had this status has later news.

        Args:
            status: The status.
            gone: Whether there will be no news: the task is forgotten.
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
    """The news since the last pause, by task.

    Args:
        first: The news that begins the group.
    """

    def __init__(self, first: TaskNews) -> None:
        self._statuses: dict[int, TaskStatus] = {}
        self._counts: Counter[TaskStatus] = Counter()
        self._failed: list[int] = []
        self._failed_last: int | None = None
        self._last = first.at
        self._lines: dict[int, TaskNews] = {}
        self.first_seq = self.last_seq = first.change.seq
        """The changes that it tells of, from the first to the last."""
        self.add(first)

    def continues(self, news: TaskNews) -> bool:
        """Tell whether news came soon enough after the last to belong here."""
        return news.at - self._last <= GAP

    def knows(self, task_id: int) -> bool:
        """Tell whether there was news of this task before."""
        return task_id in self._statuses

    def has_open(self, task_id: int) -> bool:
        """Tell whether there was news of this task, but not of its end."""
        status = self._statuses.get(task_id)
        return status is not None and not status.is_final

    @property
    def is_burst(self) -> bool:
        """Whether it is too much for a line each."""
        return len(self._statuses) > LINES

    def add(self, news: TaskNews) -> None:
        """Note one more."""
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
        """The latest news of each task, if each has a line."""
        return tuple(self._lines.values())

    @property
    def statuses(self) -> tuple[tuple[int, TaskStatus], ...]:
        """The tasks that it tells of, and the latest status of each."""
        return tuple(self._statuses.items())

    def burst(self) -> Burst:
        """Return all of it as one line."""
        counts = tuple(
            (status, self._counts[status]) for status in _ORDER if self._counts[status]
        )
        return Burst(self._last, counts, tuple(self._failed), self._failed_last)
