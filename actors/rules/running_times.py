"""How long running tasks have run, without their pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .moment import Moment
    from .task import Task


class RunningTimes:
    """When running tasks and their attempts began, on the monotonic clock.

    A pause is added to both when it ends.
    """

    def __init__(self) -> None:
        # None if it ran in an earlier life, and does no more.
        self._began: dict[int, float | None] = {}
        self._attempts_began: dict[int, float] = {}
        self._paused: dict[int, float] = {}  # since when

    def __len__(self) -> int:
        """Return how many tasks run."""
        return len(self._began)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the ids of the running tasks."""
        return iter(self._began)

    def restore(self, task: Task, at: Moment | None) -> None:
        """Note a task that was running in an earlier life of the session.

        Args:
            task: The task.
            at: When, if it goes on: its duration counts on from here.
        """
        self._began[task.id] = None
        if at is None:
            return
        if task.waits_to_run:
            self._go_on(task, at)
            return
        self._began[task.id] = at.monotonic - (task.duration or 0.0)
        # It has run since then at least.
        self._attempts_began[task.id] = at.monotonic
        if task.is_paused:
            self._paused[task.id] = at.monotonic

    def begin(self, task: Task, at: Moment) -> None:
        """Note that a task begins, or goes on with another attempt."""
        if task.id not in self._began:
            self._began[task.id] = at.monotonic

    def begin_attempt(self, task_id: int, at: Moment) -> None:
        """Note that an attempt of a task begins that another one may follow."""
        self._attempts_began[task_id] = at.monotonic

    def pause(self, task_id: int, at: Moment) -> None:
        """Let the duration of a task stand still."""
        self._paused[task_id] = at.monotonic

    def resume(self, task_id: int, at: Moment) -> None:
        """Let the duration of a task go on."""
        took = at.monotonic - self._paused.pop(task_id, at.monotonic)
        for clock in (self._began, self._attempts_began):
            if (began := clock.get(task_id)) is not None:
                clock[task_id] = began + took

    def end_attempt(self, task: Task, at: Moment) -> None:
        """Note that an attempt of a task has ended, and another one follows."""
        self._attempts_began.pop(task.id, None)
        if self._began.get(task.id) is None:
            self._go_on(task, at)

    def end(self, task_id: int) -> None:
        """Note that a task has ended; it may have been queued."""
        self._began.pop(task_id, None)
        self._attempts_began.pop(task_id, None)

    def ran(self, task: Task, at: Moment) -> float:
        """Return for how many seconds a task has run."""
        began = self._began.get(task.id)
        if began is None:
            return task.duration or 0.0
        return max(0.0, self._paused.get(task.id, at.monotonic) - began)

    def attempt_ran(self, task_id: int, at: Moment) -> float:
        """Return for how many seconds the attempt of a task has run."""
        began = self._attempts_began.get(task_id)
        return 0.0 if began is None else at.monotonic - began

    def _go_on(self, task: Task, at: Moment) -> None:
        """Let the duration of a task of an earlier life count on between attempts.

        What was written down of it is from the end of an attempt. Only the date of its
        start tells how long it has waited since; that may have been set meanwhile.
        """
        ran = task.duration or 0.0
        if task.started_at is not None:
            since = (at.wall - task.started_at).total_seconds()
            ran = max(ran, since - task.paused_for)
        self._began[task.id] = at.monotonic - ran
