"""Statistics of a session's tasks: how many ended, how long they waited and ran."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskStatus
from ...actors.rules.outcome import STILL_RUNNING
from ...actors.rules.safe_text import brief, safe_line
from ...actors.rules.terms import PLAIN
from ..text.columns import table
from ..text.theme import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...actors import Task

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_REASONS: Final = 10
_LONGEST_REASON: Final = 60
_HIGH: Final = 0.95


class Times(msgspec.Struct, frozen=True):
    """The distribution of durations.

    Attributes:
        median: The median, in seconds.
        p95: The 95th percentile, in seconds.
    """

    median: float
    p95: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Times | None:
        """Return the times of durations; None if there are none."""
        ordered = sorted(seconds)
        if not ordered:
            return None
        return cls(_part(ordered, 0.5), _part(ordered, _HIGH))


class GroupStats(msgspec.Struct, frozen=True):
    """Statistics of the tasks of one group.

    Attributes:
        name: Its name.
        ended: The number of tasks that have ended.
        failed: The number of tasks that have failed.
        waited: How long tasks waited before they started.
        ran: How long tasks ran.
    """

    name: str
    ended: int
    failed: int
    waited: Times | None
    ran: Times | None


class StatsAnswer(msgspec.Struct, frozen=True, tag_field="event", tag="stats"):
    """The answer to `/stats`: statistics of all tasks in the session's history.

    Attributes:
        complete: The number of completed tasks.
        failed: The number of failed tasks.
        canceled: The number of canceled tasks.
        open: The number of tasks that have not ended.
        last_hour: The number of tasks that ended in the last hour.
        last_day: The number of tasks that ended in the last 24 hours.
        groups: The groups, by name.
        reasons: The reasons of failures and their counts, the most frequent first.
    """

    complete: int
    failed: int
    canceled: int
    open: int
    last_hour: int
    last_day: int
    groups: tuple[GroupStats, ...]
    reasons: tuple[tuple[str, int], ...]


def statistics_of(tasks: Sequence[Task], now: datetime) -> StatsAnswer:
    """Return the statistics of tasks."""
    counts = Counter(task.status for task in tasks)
    ends = [it.ended_at for it in tasks if it.ended_at is not None]
    failed = [it for it in tasks if it.status is TaskStatus.FAILED]
    reasons = Counter(_reason(task) for task in failed)
    names = sorted({_group_of(task) for task in tasks})
    return StatsAnswer(
        counts[TaskStatus.COMPLETE],
        counts[TaskStatus.FAILED],
        counts[TaskStatus.CANCELED],
        counts[TaskStatus.QUEUED] + counts[TaskStatus.RUNNING],
        sum(timedelta() <= now - it <= _HOUR for it in ends),
        sum(timedelta() <= now - it <= _DAY for it in ends),
        tuple(
            _stats_of(name, [it for it in tasks if _group_of(it) == name])
            for name in names
        ),
        tuple(reasons.most_common(_REASONS)),
    )


def stats_lines(stats: StatsAnswer) -> list[str]:
    """Return statistics as lines of text."""
    lines = [
        (
            f"{stats.complete} complete, {stats.failed} failed,"
            f" {stats.canceled} canceled, {stats.open} open"
        ),
        f"ended: {stats.last_hour} in the last hour, {stats.last_day} in the last 24 h",
    ]
    rows = [("group", "ended", "failed", "waited (median, p95)", "ran (median, p95)")]
    rows += [
        (
            safe_line(it.name),
            str(it.ended),
            str(it.failed),
            _times_text(it.waited),
            _times_text(it.ran),
        )
        for it in stats.groups
    ]
    if stats.groups:
        lines += table(rows)
    if stats.reasons:
        lines.append("failures:")
        lines += [f"  {count} x {safe_line(why)}" for why, count in stats.reasons]
    return [line.rstrip() for line in lines]


def _part(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def _stats_of(name: str, tasks: Sequence[Task]) -> GroupStats:
    ended = [it for it in tasks if it.status.is_final]
    waited = (
        max(0.0, (it.started_at - it.queued_at).total_seconds())
        for it in tasks
        if it.started_at is not None
    )
    ran = (it.duration for it in ended if it.duration is not None)
    failed = sum(it.status is TaskStatus.FAILED for it in ended)
    return GroupStats(name, len(ended), failed, Times.of(waited), Times.of(ran))


def _group_of(task: Task) -> str:
    return (task.terms or PLAIN).group


def _reason(task: Task) -> str:
    reason = task.reason.partition(STILL_RUNNING)[0].partition("; ")[0]
    # The number of attempts does not make a different reason.
    return brief(reason.partition(" (attempt ")[0], _LONGEST_REASON)


def _times_text(times: Times | None) -> str:
    if times is None:
        return "-"
    return f"{duration_text(times.median)}, {duration_text(times.p95)}"
