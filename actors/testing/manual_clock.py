"""A clock that a test moves by hand."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ..rules.moment import Moment
from ..rules.safe_text import brief
from .recorder import PATIENCE, require_type, wait_in_halves

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runtime.clock import Alarm

START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""The date and time at which a `ManualClock` starts by default."""


def _require_seconds(name: str, value: object, *, least: float = -math.inf) -> None:
    if not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, not {brief(repr(value))}")
    if not value >= least:
        wanted = "0 or more" if least == 0 else "a number"
        raise ValueError(f"{name} must be {wanted}, not {value}")


class _Call:
    """A scheduled call."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Drop the call if it has not been made yet."""
        self.call = None


class ManualClock:
    """A `Clock` that only `advance` moves. Thread-safe.

    Args:
        start: The date and time at which it starts.

    Raises:
        TypeError: If `start` is not a date and time.
        ValueError: If it has no time zone.
    """

    def __init__(self, start: datetime = START) -> None:
        require_type("start", start, datetime)
        if start.utcoffset() is None:
            raise ValueError("start needs a time zone, such as tzinfo=UTC")
        self._start = start
        self._elapsed = 0.0
        self._suspended = 0.0
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._calls: list[tuple[float, int, _Call]] = []

    def now(self) -> Moment:
        """Return the current time; its monotonic part is the seconds since `start`."""
        with self._changed:
            since = timedelta(seconds=self._elapsed + self._suspended)
            return Moment(self._start + since, self._elapsed)

    def elapsed(self) -> float:
        """Return the seconds since `start`, including those of `suspend`."""
        with self._changed:
            return self._elapsed + self._suspended

    def call_later(self, delay: float, call: Callable[[], object]) -> Alarm:
        """Make a call as soon as the clock has advanced by `delay` seconds.

        Raises:
            TypeError: If `delay` is not a number, or `call` not a function.
            ValueError: If `delay` is nan.
        """
        _require_seconds("delay", delay)
        if not callable(call):
            raise TypeError(f"call must be a function, not {brief(repr(call))}")
        with self._changed:
            alarm = _Call(call)
            due = self._elapsed + delay
            heapq.heappush(self._calls, (due, next(self._order), alarm))
            self._changed.notify_all()
            return alarm

    def advance(self, seconds: float) -> None:
        """Advance the time, and make the calls that are due, in order, on this thread.

        During a call the clock shows its due time. Calls scheduled by these calls are
        made as well if they are due.

        Raises:
            TypeError: If `seconds` is not a number.
            ValueError: If it is negative, or nan; `set_wall` sets the date back.
        """
        _require_seconds("seconds", seconds, least=0.0)
        with self._changed:
            end = self._elapsed + seconds
        while (call := self._next_due(end)) is not None:
            call()
        with self._changed:
            self._elapsed = end

    def set_wall(self, seconds: float) -> None:
        """Set the date and time forward, or back if `seconds` is negative.

        Raises:
            TypeError: If `seconds` is not a number.
            ValueError: If it is nan.
        """
        _require_seconds("seconds", seconds)
        with self._changed:
            self._start += timedelta(seconds=seconds)

    def suspend(self, seconds: float) -> None:
        """Advance the date and time as on a suspended machine, without any calls.

        Raises:
            TypeError: If `seconds` is not a number.
            ValueError: If it is negative, or nan.
        """
        _require_seconds("seconds", seconds, least=0.0)
        with self._changed:
            self._suspended += seconds

    @property
    def scheduled(self) -> int:
        """The number of pending calls."""
        with self._changed:
            return sum(alarm.call is not None for _, _, alarm in self._calls)

    def wait_until_scheduled(
        self, count: int = 1, *, timeout: float = PATIENCE
    ) -> None:
        """Block until at least `count` calls are pending.

        Raises:
            AssertionError: If there are fewer after `timeout` seconds.
            TypeError: If `count` is not a whole number.
        """
        require_type("count", count, int)
        with self._changed:
            if not wait_in_halves(
                self._changed, lambda: self.scheduled >= count, timeout
            ):
                raise AssertionError(
                    f"{self.scheduled} of {count} calls scheduled within {timeout:g} s"
                )

    def _next_due(self, end: float) -> Callable[[], object] | None:
        with self._changed:
            while self._calls and self._calls[0][0] <= end:
                due, _, alarm = heapq.heappop(self._calls)
                if alarm.call is not None:
                    self._elapsed = max(self._elapsed, due)
                    return alarm.call
            return None
