"""Clocks: the current time, and calls at a later time.

Durations are measured on the monotonic clock, which can't be set back; the wall clock
is only for dates that people see.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from ..rules.moment import Moment
from .sending import call_safely

if TYPE_CHECKING:
    from collections.abc import Callable


_LONGEST_PAUSE: Final = 86400.0  # a wait of centuries would overflow `time_t`


class Alarm(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Drop the call if it has not been made yet. Never blocks."""
        ...


class Clock(Protocol):
    """The source of time for actors. Tests use a `ManualClock`."""

    def now(self) -> Moment:
        """Return the current time."""
        ...

    def elapsed(self) -> float:
        """Return the seconds since a fixed moment, including suspended time."""
        ...

    def call_later(self, delay: float, call: Callable[[], object]) -> Alarm:
        """Make a call after `delay` seconds, on a thread of the clock.

        The call must not block; actors pass one that only sends a message. An exception
        is logged. This method never blocks.
        """
        ...


class _Entry:
    """A scheduled call; `cancel` drops the reference to the callable at once."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], object]) -> None:
        self.due = due
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class SystemClock:
    """The real time, and one thread that sleeps until the next call is due.

    Without scheduled calls the thread sleeps without a timeout.
    """

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, name="backburner-clock", daemon=True
        )
        self._thread.start()

    def now(self) -> Moment:
        """Return the current time."""
        return Moment(datetime.now(UTC), time.monotonic())

    def elapsed(self) -> float:
        """Return the seconds since boot, including suspended time."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def call_later(self, delay: float, call: Callable[[], object]) -> Alarm:
        """Make a call after `delay` seconds on the clock's thread. Never blocks."""
        entry = _Entry(time.monotonic() + delay, call)
        self._new.put(entry)
        return entry

    def close(self, timeout: float = 1.0) -> None:
        """Drop all scheduled calls and end the thread; blocks up to `timeout` s."""
        self._new.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        order = itertools.count()
        waiting: list[tuple[float, int, _Entry]] = []
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, due = heapq.heappop(waiting)
                if due.call is not None:
                    call_safely(due.call)
            try:
                entry = self._new.get(timeout=self._pause(waiting, now))
            except queue.Empty:
                continue
            if entry is None:
                return
            heapq.heappush(waiting, (entry.due, next(order), entry))

    @staticmethod
    def _pause(waiting: list[tuple[float, int, _Entry]], now: float) -> float | None:
        return min(waiting[0][0] - now, _LONGEST_PAUSE) if waiting else None
