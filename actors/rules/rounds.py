"""Rounds: detecting that all tasks are done, and counting the tasks that ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .record import Record
from .status import TaskStatus
from .terms import PLAIN
from .wait_reasons import PAUSED, group_paused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

    def add(
        self, task: Task, open_count: int, are_held: Callable[[], bool]
    ) -> Whole | None:
        """Count a task that ended.

        Args:
            task: The task.
            open_count: The number of tasks that have not ended.
            are_held: Tells whether all of those are held; see `HeldTasks`.

        Returns:
            The result, if every open task is held or paused, and a task has run or no
            task is open; None otherwise.
        """
        self._ended[task.status] += 1
        self._has_run = self._has_run or task.started_at is not None
        if open_count and not (self._has_run and are_held()):
            return None
        ended, self._ended, self._has_run = self._ended, Counter(), False
        return Whole(ended, open_count)


class HeldTasks:
    """The open tasks that wait for a user.

    A task does if it, its group or the queue is held or paused, or if it depends on
    such a task. Recorded at each change, so that an end doesn't check all others.
    """

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._after: dict[int, tuple[int, ...]] = {}  # what they wait for

    def note(self, task: Task) -> None:
        """Record a changed task."""
        task_id = task.id
        if task.status.is_final:
            self.drop(task_id)
        elif _is_held(task):
            self._held.add(task_id)
            self._after.pop(task_id, None)
        else:
            self.drop(task_id)
            terms = task.terms if task.status is TaskStatus.QUEUED else None
            if terms is not None and (waits_for := terms.waits_for):
                self._after[task_id] = waits_for

    def drop(self, task_id: int) -> None:
        """Forget a task."""
        self._held.discard(task_id)
        self._after.pop(task_id, None)

    def are_all(self, open_count: int, is_open: Callable[[int], bool]) -> bool:
        """Tell whether all open tasks wait for a user.

        A task that depends on an open one does: that was added earlier, so the first
        of such tasks depends on a held one.

        Args:
            open_count: The number of open tasks.
            is_open: Tells whether a task is open.
        """
        if open_count > len(self._held) + len(self._after):
            return False
        return all(any(map(is_open, others)) for others in self._after.values())


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
