"""When all is done: the tasks that ended since none was open that goes on by itself."""

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
    """What has ended in all.

    Attributes:
        ended: How many tasks, by their status.
        held: How many others wait until somebody releases or resumes them.
    """

    ended: Mapping[TaskStatus, int]
    held: int = 0

    @property
    def is_several(self) -> bool:
        """Whether more than one task has ended: a single one says so by its own end."""
        return sum(self.ended.values()) > 1


class Round:
    """Counts the tasks that end until none is open that goes on by itself."""

    def __init__(self) -> None:
        self._ended: Counter[TaskStatus] = Counter()
        self._has_run = False

    def add(self, task: Task, open_tasks: Iterable[Task]) -> Whole | None:
        """Count a task that ended.

        Args:
            task: The task.
            open_tasks: Those that have not ended: first those that run, then the queued
                ones by id.

        Returns:
            What ended, if no open task goes on by itself, and something has run or
            none is open.
        """
        self._ended[task.status] += 1
        self._has_run = self._has_run or task.started_at is not None
        left = iter(open_tasks)
        first = next(left, None)
        # Else a cancel of many paused tasks would look at all of them for each.
        if first is not None and not self._has_run:
            return None
        held = 0 if first is None else held_count(chain((first,), left))
        if held is None:
            return None
        ended, self._ended, self._has_run = self._ended, Counter(), False
        return Whole(ended, held)


def held_count(open_tasks: Iterable[Task]) -> int | None:
    """Return how many tasks are open, if each waits until somebody lets it go on.

    Because it is held or paused, or all or its group is paused, or for one of those.

    Args:
        open_tasks: Those that have not ended; the queued ones by id.

    Returns:
        None if one of them goes on by itself.
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
    """Tell whether a task goes on only after somebody has released or resumed it."""
    if not task.waits_to_run:
        return task.is_paused
    terms = task.terms or PLAIN
    return (
        terms.held
        or task.reason == PAUSED
        or task.reason.startswith(group_paused(terms.group))
    )


def all_done_text(whole: Whole) -> str:
    """Say that all is done: `all 12 tasks have ended: 11 complete, 1 failed`."""
    parts = ", ".join(f"{count} {status}" for status, count in whole.ended.items())
    count = sum(whole.ended.values())
    if not whole.held:
        return f"all {count} tasks have ended: {parts}"
    held = f"{whole.held} {'is' if whole.held == 1 else 'are'} held or paused"
    return f"{count} tasks have ended: {parts}; {held}"
