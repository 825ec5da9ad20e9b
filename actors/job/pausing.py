"""Pausing and resuming a job, with its timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kinds.kind import TellsPause, WrongKindError
from ..rules.durations import short_duration
from ..rules.outcome import TIMED_OUT, Outcome
from ..rules.safe_text import safe_line
from ..runtime.countdown import Countdown
from . import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kinds import Job, Kind
    from ..runtime.clock import Clock


def not_pausable(kind: Kind) -> str:
    """Return why a task stays running whose job can't be paused, for people."""
    text = (
        "it has can_pause, but its job has no pause and resume; the job keeps running"
    )
    return str(WrongKindError(kind.name, text))


class Pausing:
    """Pauses and resumes one job."""

    def __init__(self, kind: Kind, *, is_paused: bool) -> None:
        self.is_paused = is_paused
        """Whether the task is paused; `apply` pauses or resumes its job."""
        self._kind = kind
        self._timeout: Countdown | None = None
        self._job: TellsPause | None = None

    @property
    def has_reports(self) -> bool:
        """Whether the job reports problems of a pause; they may change at any time."""
        return self._job is not None

    @property
    def problem(self) -> str | None:
        """The processes that could not be paused or resumed, for people, if any."""
        problem = None if self._job is None else self._job.pause_problem
        return problem and safe_line(problem)

    def limit_time(
        self,
        timeout: float,
        passed: float,
        clock: Clock,
        stop: Callable[[Outcome], object],
    ) -> None:
        """Start the timeout of the job; it doesn't run while the task is paused.

        Args:
            timeout: Seconds.
            passed: Seconds that have passed already.
            clock: The source of time.
            stop: Called with the outcome of the task after the timeout.
        """
        outcome = Outcome.failed(f"{TIMED_OUT}{short_duration(timeout)}")
        self._timeout = Countdown(clock, timeout - passed, lambda: stop(outcome))
        if not self.is_paused:
            self._timeout.resume()

    def apply(self, job: Job) -> None:
        """Pause or resume the job, which is `Pausable`, and its timeout.

        Searches for all processes of the job.

        Raises:
            WrongKindError: If the method of the job raises.
        """
        calls.call(self._kind, job, "pause" if self.is_paused else "resume")
        if self._timeout is not None:
            (self._timeout.pause if self.is_paused else self._timeout.resume)()
        self._job = job if isinstance(job, TellsPause) else None

    def cancel(self) -> None:
        """Cancel the timeout."""
        if self._timeout is not None:
            self._timeout.pause()
