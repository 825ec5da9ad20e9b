"""A time that counts down, and stands still while it is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .clock import Alarm, Clock


class Countdown:
    """Calls once, as an alarm of the clock, when its time is over. It begins paused."""

    def __init__(
        self, clock: Clock, seconds: float, call: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._left = max(0.0, seconds)
        self._call = call
        self._since = 0.0
        self._alarm: Alarm | None = None

    def go_on(self) -> None:
        """Let the rest of the time pass."""
        if self._alarm is None:
            self._since = self._clock.now().monotonic
            self._alarm = self._clock.call_later(self._left, self._call)

    def pause(self) -> None:
        """Let no time pass until it goes on."""
        alarm, self._alarm = self._alarm, None
        if alarm is not None:
            alarm.cancel()
            passed = self._clock.now().monotonic - self._since
            self._left = max(0.0, self._left - passed)
