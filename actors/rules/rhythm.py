"""At which times a schedule adds tasks: after each interval, or as cron would.

The time zone database of the machine is read, and nothing else.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from .durations import LONGEST, parse_duration
from .safe_text import brief

if TYPE_CHECKING:
    from datetime import tzinfo

SHORTEST: Final = 1.0
"""The shortest interval, in seconds."""

ON_TIME: Final = 60.0
"""Seconds after its time up to which a run is not missed."""

MOST_MADE_GOOD: Final = 100
"""How many runs that were missed are made good at a time, at most."""

SET_BACK: Final = timedelta(hours=3)
"""A clock that is set back by more was wrong before: what it showed does not count."""

_LONGEST: Final = 200  # characters of a rhythm
_FIELDS: Final = 5
_NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CatchUp(enum.StrEnum):
    """How missed runs of a schedule are handled."""

    ONCE = "once"
    """One run makes good all that were missed."""
    ALL = "all"
    """Each is made good, up to `MOST_MADE_GOOD` of them."""
    SKIP = "skip"
    """None is made good."""


class Due(msgspec.Struct, frozen=True):
    """What follows when the time of a run has come.

    Attributes:
        runs: How many runs are to be added.
        next_due: When the next one is due.
    """

    runs: int
    next_due: datetime


class Rhythm:
    """The times of a schedule.

    Args:
        text: A duration such as `15m`, a cron expression of five fields such as
            `*/15 * * * *`, or a name such as `@daily`.
        zone: The name of the time zone in which a cron expression is meant.

    Raises:
        ValueError: If the text is neither, or there is no such zone; its text says so
            in one line.
    """

    def __init__(self, text: str, zone: str) -> None:
        self._zone = _find_zone(zone)
        self._cron = ""
        self.interval: timedelta | None = None
        """The time between two runs; None for a cron expression."""
        text = text.strip()
        if len(text) > _LONGEST:
            raise ValueError(f"{brief(text)!r} is too long for a schedule")
        if text.startswith("@"):
            if text.lower() not in _NAMED:
                raise ValueError(
                    f"{brief(text)!r} is not known; use one of: {' '.join(_NAMED)}"
                )
            self._cron = _NAMED[text.lower()]
        elif len(text.split()) == _FIELDS:
            self._cron = text
            self._check_cron()
        else:
            self.interval = _interval(text)

    def first_after(self, moment: datetime) -> datetime:
        """Return the first time after a moment; without a time before it."""
        if self.interval is not None:
            return moment + self.interval
        from cronsim import CronSim  # noqa: PLC0415 - most sessions have no schedule

        # Where clocks are set back, an hour comes twice, and what is meant is the first
        # one: it may be over.
        for found in CronSim(self._cron, moment.astimezone(self._zone)):
            at = found.astimezone(UTC)
            if at > moment:
                return at
        raise ValueError(f"{self._cron!r} names a time that never comes")

    def due(self, next_due: datetime, now: datetime, catch_up: CatchUp) -> Due:
        """Tell what follows at a moment, when the time of the next run has come."""
        match catch_up:
            case CatchUp.ONCE:
                runs = 1
            case CatchUp.ALL:
                runs = self._count(next_due, now)
            case CatchUp.SKIP:
                runs = int(self._is_one_on_time(next_due, now))
        return Due(runs, self._following(next_due, now))

    def settled(
        self, next_due: datetime, since: datetime, now: datetime
    ) -> datetime | None:
        """Return when the next run is due, if the clock was wrong before.

        Args:
            next_due: When it was due, as far as was known.
            since: A moment at which that was right.
            now: This moment, on a clock that may have been set.

        Returns:
            `None` if that is right still.
        """
        if self.interval is not None:
            latest = now + self.interval
            return latest if next_due > latest else None
        if now < since - SET_BACK:
            return self.first_after(now)
        return None

    def _following(self, next_due: datetime, now: datetime) -> datetime:
        if self.interval is None:
            return self.first_after(now)
        return next_due + self.interval * ((now - next_due) // self.interval + 1)

    def _count(self, next_due: datetime, now: datetime) -> int:
        if self.interval is not None:
            return min((now - next_due) // self.interval + 1, MOST_MADE_GOOD)
        count = 0
        while next_due <= now and count < MOST_MADE_GOOD:
            count += 1
            next_due = self.first_after(next_due)
        return count

    def _is_one_on_time(self, next_due: datetime, now: datetime) -> bool:
        earliest = now - timedelta(seconds=ON_TIME)
        if next_due >= earliest:
            return True
        if self.interval is not None:
            return self._following(next_due, now) - self.interval >= earliest
        return self.first_after(earliest - timedelta(microseconds=1)) <= now

    def _check_cron(self) -> None:
        from cronsim import CronSimError  # noqa: PLC0415 - see above

        try:
            self.first_after(datetime.now(UTC))
        except (CronSimError, ValueError) as error:
            raise ValueError(
                f"{brief(self._cron)!r} is not a cron expression ({error}); the fields"
                " are minute, hour, day, month and day of the week"
            ) from None


def _interval(text: str) -> timedelta:
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise ValueError(
            f"{brief(text)!r} is not a schedule; write 15m, or five fields such as"
            " '*/15 * * * *'"
        ) from None
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(
            f"an interval is at least 1 second and at most {LONGEST:.0f}, not {text}"
        )
    return timedelta(seconds=seconds)


def _find_zone(name: str) -> tzinfo:
    if name in {"UTC", "Etc/UTC"}:
        return UTC  # known without a database
    import zoneinfo  # noqa: PLC0415 - see above

    try:
        return zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(
            f"there is no time zone {brief(name)!r}; use a name such as Europe/Berlin"
            " or UTC"
        ) from None
