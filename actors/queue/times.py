"""The start times of queued tasks and the times of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.book import TaskBook
    from ..rules.request import TaskRequest
    from ..rules.task import Task
    from ..runtime.clock import Alarm, Clock
    from .schedules import Schedules
    from .starts import Starts

LOOK_AGAIN: Final = 15.0
"""Maximum seconds between two checks of the clock while a task waits for its time."""

_STEP: Final = 1.0  # seconds; smaller changes are adjustments of the clock


class Times:
    """Releases tasks and runs schedules when their time has come."""

    def __init__(
        self, book: TaskBook, starts: Starts, schedules: Schedules, clock: Clock
    ) -> None:
        self._book = book
        self._starts = starts
        self._schedules = schedules
        self._clock = clock
        self._alarm: Alarm | None = None
        self._alarm_for: float | None = None
        self._offset = 0.0  # of the wall clock, at the last check

    def look(self, add: Callable[[TaskRequest], Task] | None) -> None:
        """Release the tasks and run the schedules whose time has come.

        If the wall clock was set, times of day follow it, but delays and intervals
        don't change. After the machine was suspended, many times may have come.

        Args:
            add: Adds a task; raises `InvalidRequestError` if its request is invalid.
                None if no tasks can currently be added.
        """
        self._alarm_for = None
        now = self._clock.now()
        offset = now.wall.timestamp() - self._clock.elapsed()
        if abs(offset - self._offset) > _STEP:
            self._starts.shift_delays(offset - self._offset)
            self._schedules.clock_was_set(offset - self._offset)
        self._offset = offset
        for task_id in self._book.waiting.due(now):
            self._starts.renew_reason(task_id)
        if add is not None:
            self._schedules.run_due(add)
        self._starts.assign()

    @property
    def need_alarm(self) -> bool:
        """Whether the next time differs from that of the alarm."""
        return self._next_due() != self._alarm_for

    def set_alarm(self, call: Callable[[], object], *, can_add: bool) -> None:
        """Set the alarm for the next time.

        Args:
            call: Called at that time, on any thread; it must cause a call of `look`.
            can_add: Whether tasks can currently be added.
        """
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_for = due = self._next_due()
        if due is None:
            self._offset = 0.0  # earlier changes of the clock don't affect later tasks
            return
        wall = self._clock.now().wall.timestamp()
        if self._offset == 0.0:
            self._offset = wall - self._clock.elapsed()
        # Bounded, to notice that the clock was set or the machine was suspended.
        pause = min(max(0.0, due - wall), LOOK_AGAIN) if can_add else LOOK_AGAIN
        self._alarm = self._clock.call_later(pause, call)

    def _next_due(self) -> float | None:
        of_schedules = None if self._starts.closed else self._schedules.next_due()
        times = (self._book.scheduler.next_due(), of_schedules)
        return min((it for it in times if it is not None), default=None)
