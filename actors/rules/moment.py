"""One moment, on the clock that dates things and the one that measures them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One moment on both clocks.

    Attributes:
        wall: The date and time of day (UTC).
        monotonic: Seconds since some fixed moment in the past.
    """

    wall: datetime
    monotonic: float
