"""A timer that can be paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Alarm, Clock


class Countdown:
    """Makes one call, as an alarm of the clock, after its time. Starts paused."""

    def __init__(
        self, clock: Clock, seconds: float, call: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._left = max(0.0, seconds)
        self._call = call
        self._since = 0.0
        self._alarm: Alarm | None = None

    def resume(self) -> None:
        """Resume the countdown."""
        if self._alarm is None:
            self._since = self._clock.now().monotonic
            self._alarm = self._clock.call_later(self._left, self._call)

    def pause(self) -> None:
        """Pause the countdown."""
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()
            passed = self._clock.now().monotonic - self._since
            self._left = max(0.0, self._left - passed)
