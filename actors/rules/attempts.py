"""Attempts of a task: whether to retry, and the backoff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

if TYPE_CHECKING:
    from .moment import Moment
    from .outcome import Outcome
    from .terms import Terms

FIRST_PAUSE: Final = 2.0
"""Default seconds before the second attempt."""

LONGEST_PAUSE: Final = 300.0
"""Maximum seconds between attempts, unless the first pause is longer; each doubles."""

SPREAD: Final = 0.1
"""The random deviation of a pause, as a fraction.

It keeps tasks that failed together from starting together again.
"""

TIMED_OUT_STATUS: Final = 124
"""The number in `retry_on` that means a timeout."""

_Number = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An attempt of a task after its first one.

    Attributes:
        number: 2 for the second; 1 for a repetition of the first.
        before: How the previous attempt ended.
        waits: Whether it has not begun yet.
        due: The earliest date and time of its start, while it waits.
        step: The number of short attempts in a row, which determines the pause.
    """

    number: _Number
    before: str
    waits: bool = False
    due: datetime | None = None
    step: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)] = 0

    def label(self, terms: Terms | None) -> str:
        """Return its name for people: `attempt 2 of 4`, or `run 2` without a limit."""
        retries = 0 if terms is None else terms.retries
        if retries:
            return f"attempt {self.number} of {retries + 1}"
        return f"run {self.number}" if self.number > 1 else "once more"


def next_attempt(  # noqa: PLR0913 - each is one independent thing
    terms: Terms | None,
    current: Attempt | None,
    outcome: Outcome,
    at: Moment,
    *,
    ran: float,
    chance: float,
) -> Attempt | None:
    """Return the attempt that follows one that has just ended; None if it was the last.

    Args:
        terms: The terms of the task.
        current: The attempt that has ended; None for the first.
        outcome: How it ended.
        at: The current time.
        ran: Its duration in seconds.
        chance: A random number from 0 to 1.
    """
    number = 1 if current is None else current.number
    if terms is None or not _follows(terms, number, outcome):
        return None
    step = 0 if current is None else current.step
    # A long run resets the backoff of a task with `restart`.
    step = 1 if terms.restart is not None and ran > LONGEST_PAUSE else step + 1
    pause = pause_before(terms, step, chance)
    due = at.wall + timedelta(seconds=pause)
    return Attempt(number + 1, outcome.reason, waits=True, due=due, step=step)


def again_after(current: Attempt | None, outcome: Outcome) -> Attempt:
    """Return a repetition of an attempt that was interrupted from outside."""
    number = 1 if current is None else current.number
    step = 0 if current is None else current.step
    return Attempt(number, outcome.reason, waits=True, step=step)


def pause_before(terms: Terms, step: int, chance: float) -> float:
    """Return the seconds before an attempt; `step` is 1 for the second."""
    first = FIRST_PAUSE if terms.retry_delay is None else terms.retry_delay
    # The bound prevents an overflow of the power.
    pause = min(first * 2.0 ** min(step - 1, 64), max(first, LONGEST_PAUSE))
    return pause * (1 - SPREAD + 2 * SPREAD * chance)


def may_run_again(terms: Terms | None) -> bool:
    """Return whether a task that has begun may begin again."""
    if terms is None:
        return False
    return bool(terms.retries or terms.restart or terms.on_reboot == "again")


def _follows(terms: Terms, number: int, outcome: Outcome) -> bool:
    if not outcome.allows_more:
        return False
    match terms.restart:
        case "always":
            return True
        case "on-failure":
            return outcome.error is not None
        case None:
            pass
    if outcome.error is None or number > terms.retries:
        return False
    status = TIMED_OUT_STATUS if outcome.is_timeout else outcome.exit_code
    return not terms.retry_on or status in terms.retry_on
