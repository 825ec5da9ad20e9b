"""When all is done: the tasks that ended since none was open that goes on by itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .record import Record
from .scheduler import PAUSED, group_paused
from .status import TaskStatus
from .terms import PLAIN

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


class Round:
    """Counts the tasks that end until none is open that goes on by itself."""

    def __init__(self) -> None:
        self._ended: Counter[TaskStatus] = Counter()

    def add(self, status: TaskStatus, *, held: int | None) -> Whole | None:
        """Count a task that ended.

        Args:
            status: How.
            held: What `held_count` says of the tasks that are open.

        Returns:
            What ended, if that was the last of several.
        """
        self._ended[status] += 1
        if held is None:
            return None
        ended, self._ended = self._ended, Counter()
        return Whole(ended, held) if ended.total() > 1 else None


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
