"""Moments on the wall clock and the monotonic clock, and the range of dates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

FIRST_YEAR: Final = 2
"""The first year whose dates can be shown in any time zone."""

LAST_YEAR: Final = 9998
"""The last year whose dates can be shown in any time zone."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One moment on both clocks.

    Attributes:
        wall: The date and time of day (UTC).
        monotonic: Seconds since some fixed moment in the past.
    """

    wall: datetime
    monotonic: float


def implausible(*dates: datetime | None) -> datetime | None:
    """Return the first of these dates that can't be shown in any time zone, if any.

    In the first and the last year that Python knows, others may be beyond its range;
    and one without a time zone can't be compared with those that have one.
    """
    for at in dates:
        if at is not None and (
            at.tzinfo is None or not FIRST_YEAR <= at.year <= LAST_YEAR
        ):
            return at
    return None


def is_plausible(at: datetime) -> bool:
    """Return whether a date that was read can be shown in any time zone."""
    return implausible(at) is None


def local_time(at: float, *, day: bool = True) -> str:
    """Write a moment as people of this machine read it."""
    local = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}" if day else f"{local:%H:%M:%S}"
