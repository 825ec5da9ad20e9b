"""The durations of running tasks, without their pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .moment import Moment
    from .task import Task


class RunningTimes:
    """When running tasks and their attempts began, on the monotonic clock.

    The length of a pause is added to both when it ends.
    """

    def __init__(self) -> None:
        # None for a stored running task whose job is gone.
        self._began: dict[int, float | None] = {}
        self._attempts_began: dict[int, float] = {}
        self._paused: dict[int, float] = {}  # since when

    def __len__(self) -> int:
        """Return the number of running tasks."""
        return len(self._began)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the ids of the running tasks."""
        return iter(self._began)

    def restore(self, task: Task, at: Moment | None) -> None:
        """Add a stored running task.

        Args:
            task: The task.
            at: The current time, from which its duration continues; None if its job is
                gone.
        """
        self._began[task.id] = None
        if at is None:
            return
        if task.waits_to_run:
            self._continue(task, at)
            return
        self._began[task.id] = at.monotonic - (task.duration or 0.0)
        # A lower bound: the start of its attempt is not stored.
        self._attempts_began[task.id] = at.monotonic
        if task.is_paused:
            self._paused[task.id] = at.monotonic

    def begin(self, task: Task, at: Moment) -> None:
        """Record the start of a task, or of its next attempt."""
        if task.id not in self._began:
            self._began[task.id] = at.monotonic

    def begin_attempt(self, task_id: int, at: Moment) -> None:
        """Record the start of an attempt that may be retried."""
        self._attempts_began[task_id] = at.monotonic

    def pause(self, task_id: int, at: Moment) -> None:
        """Pause the duration of a task."""
        self._paused[task_id] = at.monotonic

    def resume(self, task_id: int, at: Moment) -> None:
        """Resume the duration of a task."""
        took = at.monotonic - self._paused.pop(task_id, at.monotonic)
        for clock in (self._began, self._attempts_began):
            if (began := clock.get(task_id)) is not None:
                clock[task_id] = began + took

    def end_attempt(self, task: Task, at: Moment) -> None:
        """Record the end of an attempt that another one follows."""
        self._attempts_began.pop(task.id, None)
        if self._began.get(task.id) is None:
            self._continue(task, at)

    def end(self, task_id: int) -> None:
        """Record the end of a task, whether it ran or was queued."""
        self._began.pop(task_id, None)
        self._attempts_began.pop(task_id, None)

    def ran(self, task: Task, at: Moment) -> float:
        """Return the duration of a task in seconds."""
        began = self._began.get(task.id)
        if began is None:
            return task.duration or 0.0
        return max(0.0, self._paused.get(task.id, at.monotonic) - began)

    def attempt_ran(self, task_id: int, at: Moment) -> float:
        """Return the duration of a task's current attempt in seconds."""
        began = self._attempts_began.get(task_id)
        return 0.0 if began is None else at.monotonic - began

    def _continue(self, task: Task, at: Moment) -> None:
        """Continue the duration of a stored task between two attempts.

        The stored duration is that at the end of an attempt. The wait since then
        follows from the date of the start, although the clock may have been set.
        """
        ran = task.duration or 0.0
        if task.started_at is not None:
            since = (at.wall - task.started_at).total_seconds()
            ran = max(ran, since - task.paused_for)
        self._began[task.id] = at.monotonic - ran
