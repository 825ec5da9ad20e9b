"""Ending a job before its own end: stop it, kill it, or give it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..kinds.kind import WrongKindError
from ..kinds.process import ProcessKind
from ..processes.ending import SECONDS
from . import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kinds import Job, JobEnd, Kind
    from ..rules.outcome import Outcome
    from ..runtime.clock import Alarm, Clock


class ForcedEnd:
    """Ends a job whose task gets another outcome than that of the job."""

    def __init__(self, outcome: Outcome, kind: Kind, clock: Clock) -> None:
        self.outcome = outcome
        self._kind = kind
        self._clock = clock
        self._alarm: Alarm | None = None
        self._killed_at: float | None = None

    def stop(self, job: Job, grace: float, kill: Callable[[], object]) -> None:
        """Stop the job; after the grace period, the clock calls `kill`."""
        calls.call(self._kind, job, "stop")
        self._alarm = self._clock.call_later(grace, kill)

    def kill(self, job: Job, look: Callable[[], object]) -> None:
        """Kill the job; the clock calls `look` when the job may be given up."""
        # Killing may take several rounds; a second call would restart them.
        if self._killed_at is not None:
            return
        self._killed_at = self._clock.now().monotonic
        if not isinstance(self._kind, ProcessKind):  # its kill rounds have a limit
            self.cancel()
            self._alarm = self._clock.call_later(SECONDS, look)
        calls.call(self._kind, job, "kill")

    def given_up(self) -> Outcome | None:
        """Return the outcome if the job is given up: its kill has not ended it."""
        if self._killed_at is None or isinstance(self._kind, ProcessKind):
            return None
        if self._clock.now().monotonic - self._killed_at < SECONDS:
            return None
        problem = f"kill() did not end its job within {SECONDS:g} s"
        error = f"could not be ended: {WrongKindError(self._kind.name, problem)}"
        return replace(self.outcome, error=error)

    def outcome_with(self, end: JobEnd) -> Outcome:
        """Return the outcome of the task after the job has ended."""
        return replace(
            self.outcome,
            exit_code=end.outcome.exit_code,
            error=end.leftover or self.outcome.error,
            figures=end.outcome.figures,
        )

    def cancel(self) -> None:
        """Cancel the next call of the clock."""
        if self._alarm is not None:
            self._alarm.cancel()
