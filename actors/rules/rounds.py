"""Rounds: detecting that all tasks are done, and counting the tasks that ended."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from .record import Record
from .status import TaskStatus
from .terms import PLAIN
from .wait_reasons import PAUSED, group_paused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .task import Task


class Whole(Record, frozen=True):
    """The result of a round.

    Attributes:
        ended: The number of ended tasks by status.
        held: The number of open tasks that wait to be released or resumed.
    """

    ended: Mapping[TaskStatus, int]
    held: int = 0

    @property
    def is_several(self) -> bool:
        """Whether more than one task has ended; the end of one needs no summary."""
        return sum(self.ended.values()) > 1


class Round:
    """Counts ended tasks until every open task is held or paused."""

    def __init__(self) -> None:
        self._ended: Counter[TaskStatus] = Counter()
        self._has_run = False

    def add(self, task: Task, open_tasks: Iterable[Task]) -> Whole | None:
        """Count a task that ended.

        Args:
            task: The task.
            open_tasks: The tasks that have not ended: first the running ones, then the
                queued ones by id.

        Returns:
            The result, if every open task is held or paused, and a task has run or no
            task is open; None otherwise.
        """
        self._ended[task.status] += 1
        self._has_run = self._has_run or task.started_at is not None
        left = iter(open_tasks)
        first = next(left, None)
        # Keeps a cancel of many paused tasks from taking quadratic time.
        if first is not None and not self._has_run:
            return None
        held = 0 if first is None else held_count(chain((first,), left))
        if held is None:
            return None
        ended, self._ended, self._has_run = self._ended, Counter(), False
        return Whole(ended, held)


def held_count(open_tasks: Iterable[Task]) -> int | None:
    """Return the number of open tasks, if all of them wait for a user.

    A task does if it, its group or the queue is held or paused, or if it depends on
    such a task.

    Args:
        open_tasks: The tasks that have not ended; the queued ones by id.

    Returns:
        The number; None if one of them continues by itself.
    """
    held: set[int] = set()
    for task in open_tasks:
        if not _is_held(task):
            waits_for = () if task.terms is None else task.terms.waits_for
            if task.status is not TaskStatus.QUEUED or held.isdisjoint(waits_for):
                return None
        held.add(task.id)
    return len(held)


def _is_held(task: Task) -> bool:
    """Return whether a task continues only after a release or a resume."""
    if not task.waits_to_run:
        return task.is_paused
    terms = task.terms or PLAIN
    return (
        terms.held
        or task.reason == PAUSED
        or task.reason.startswith(group_paused(terms.group))
    )


def all_done_text(whole: Whole) -> str:
    """Return a summary such as `all 12 tasks have ended: 11 complete, 1 failed`."""
    parts = ", ".join(f"{count} {status}" for status, count in whole.ended.items())
    count = sum(whole.ended.values())
    if not whole.held:
        return f"all {count} tasks have ended: {parts}"
    held = f"{whole.held} {'is' if whole.held == 1 else 'are'} held or paused"
    return f"{count} tasks have ended: {parts}; {held}"
