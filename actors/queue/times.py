"""The times for which queued tasks and schedules wait."""

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
"""Seconds between two looks at the clock while a task waits for its time."""

_STEP: Final = 1.0  # seconds; what is less is the clock's own adjusting


class Times:
    """Lets tasks start, and schedules add theirs, when their time has come."""

    def __init__(
        self, book: TaskBook, starts: Starts, schedules: Schedules, clock: Clock
    ) -> None:
        self._book = book
        self._starts = starts
        self._schedules = schedules
        self._clock = clock
        self._alarm: Alarm | None = None
        self._alarm_for: float | None = None
        self._offset = 0.0  # of the wall clock, when it was looked at last

    def look(self, add: Callable[[TaskRequest], Task] | None) -> None:
        """Let the tasks start, and the schedules add theirs, whose time has come.

        The wall clock may have been set since: that moves a time of day, but no delay
        and no interval. A suspended machine moves none, and all may have come.

        Args:
            add: Adds a task; raises `InvalidRequestError` if its request makes no
                sense. None if nothing can be added just now.
        """
        self._alarm_for = None
        now = self._clock.now()
        offset = now.wall.timestamp() - self._clock.elapsed()
        if abs(offset - self._offset) > _STEP:
            for task in self._book.waiting.shift_delays(offset - self._offset):
                self._starts.renew_reason(task.id)
            self._schedules.clock_was_set(offset - self._offset)
        self._offset = offset
        for task_id in self._book.waiting.due(now):
            self._starts.renew_reason(task_id)
        if add is not None:
            self._schedules.run_due(add)
        self._starts.assign()

    @property
    def need_alarm(self) -> bool:
        """Whether the next time is another one than that of the alarm."""
        return self._next_due() != self._alarm_for

    def set_alarm(self, call: Callable[[], object], *, can_add: bool) -> None:
        """Set the alarm for the next time.

        Args:
            call: Called then, from any thread; it is to have `look` called.
            can_add: Whether tasks can be added just now.
        """
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_for = due = self._next_due()
        if due is None:
            self._offset = 0.0  # of what waits later, nothing before that counts
            return
        wall = self._clock.now().wall.timestamp()
        if self._offset == 0.0:
            self._offset = wall - self._clock.elapsed()
        # Soon enough to notice that the clock was set, or the machine suspended.
        pause = min(max(0.0, due - wall), LOOK_AGAIN) if can_add else LOOK_AGAIN
        self._alarm = self._clock.call_later(pause, call)

    def _next_due(self) -> float | None:
        of_schedules = None if self._starts.closed else self._schedules.next_due()
        times = (self._book.scheduler.next_due(), of_schedules)
        return min((it for it in times if it is not None), default=None)
