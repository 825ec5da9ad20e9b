"""The `sleep` kind: waits for a duration, with progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rules import durations
from ..rules.outcome import Outcome
from .kind import InvalidRequestError, JobEnd

if TYPE_CHECKING:
    from ..processes.adopted import AdoptedProcess
    from .kind import JobContext


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as `10s`, `1m30s` or `500ms`.

    Raises:
        InvalidRequestError: If the text is not a duration.
    """
    try:
        return durations.parse_duration(text)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None


class SleepJob:
    """A job that waits for a duration."""

    def __init__(
        self, seconds: float, context: JobContext, passed: float = 0.0
    ) -> None:
        self._context = context
        self._seconds = seconds
        self._begun = context.clock.now().monotonic - passed
        self._stopped = False
        self._paused_at: float | None = None
        left = max(0.0, seconds - passed)
        self._alarm = context.clock.call_later(left, context.look)

    def pid(self) -> None:
        """Return None: there is no process."""

    def progress(self) -> int:
        """Return the elapsed share of the duration, in percent."""
        if self._seconds == 0:
            return 100
        return min(100, int(100 * self._elapsed() / self._seconds))

    def look(self) -> JobEnd | None:
        """Return the end of the job once the duration has elapsed."""
        if self._stopped or self._elapsed() >= self._seconds:
            return JobEnd(Outcome.complete("slept"))
        return None

    def pause(self) -> None:
        """Stop the countdown."""
        if self._paused_at is None:
            self._paused_at = self._context.clock.now().monotonic
            self._alarm.cancel()

    def resume(self) -> None:
        """Continue the countdown."""
        if self._paused_at is not None:
            now = self._context.clock.now().monotonic
            self._begun += now - self._paused_at
            self._paused_at = None
            left = max(0.0, self._seconds - self._elapsed())
            self._alarm = self._context.clock.call_later(left, self._context.look)

    def stop(self) -> None:
        """End the wait."""
        self._stopped = True
        self._alarm.cancel()
        self._context.look()

    def kill(self) -> None:
        """End the wait, as `stop` does."""
        self.stop()

    def _elapsed(self) -> float:
        now = self._context.clock.now().monotonic
        return (now if self._paused_at is None else self._paused_at) - self._begun


class SleepKind:
    """Waits for a duration: `10s`, `1m30s`, `500ms`."""

    name = "sleep"
    usage = "DURATION"
    summary = "wait for a time, such as 10s or 1m30s"
    writes_output = False
    can_pause = True

    def check(self, args: tuple[str, ...]) -> None:
        """Accept exactly one argument: the duration.

        Raises:
            InvalidRequestError: If it is missing or invalid.
        """
        if len(args) > 1:
            raise InvalidRequestError(f"sleep takes one duration, not {len(args)}")
        if not args or not args[0].strip():
            raise InvalidRequestError("missing duration")
        parse_duration(args[0])

    def start(self, context: JobContext) -> SleepJob:
        """Start waiting."""
        return SleepJob(parse_duration(context.task.args[0]), context)

    def adopt(self, context: JobContext, process: AdoptedProcess | None) -> SleepJob:
        """Wait for the rest of the duration."""
        del process
        passed = context.task.duration or 0.0
        return SleepJob(parse_duration(context.task.args[0]), context, passed)
