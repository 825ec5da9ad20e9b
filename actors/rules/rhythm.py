"""The times of a schedule: an interval, or a cron expression.

Reads only the time zone database of the machine.
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
"""Maximum seconds of delay with which a run counts as on time."""

MOST_CAUGHT_UP: Final = 100
"""Maximum number of missed runs that are added at once."""

SET_BACK: Final = timedelta(hours=3)
"""A clock that is set back by more was wrong before."""

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
    """One run is added for all missed ones."""
    ALL = "all"
    """Each missed run is added, up to `MOST_CAUGHT_UP`."""
    SKIP = "skip"
    """Missed runs are skipped."""


class Due(msgspec.Struct, frozen=True):
    """The runs to add when a schedule is due.

    Attributes:
        runs: How many runs to add.
        next_due: When the next run is due.
    """

    runs: int
    next_due: datetime


class Rhythm:
    """The times of a schedule.

    Args:
        text: An interval such as `15m`, a cron expression of five fields such as
            `*/15 * * * *`, or a name such as `@daily`.
        zone: The name of the time zone of a cron expression.

    Raises:
        ValueError: If the text is invalid, or the zone is unknown; the message is one
            line for people.
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
        """Return the first time after a moment."""
        if self.interval is not None:
            return moment + self.interval
        from cronsim import CronSim  # noqa: PLC0415 - most sessions have no schedule

        # When clocks are set back, an hour occurs twice. `CronSim` yields its first
        # occurrence, which may be over.
        for found in CronSim(self._cron, moment.astimezone(self._zone)):
            at = found.astimezone(UTC)
            if at > moment:
                return at
        raise ValueError(f"{self._cron!r} names a time that never comes")

    def due(self, next_due: datetime, now: datetime, catch_up: CatchUp) -> Due:
        """Return the runs to add at `now`, which is not before `next_due`."""
        match catch_up:
            case CatchUp.ONCE:
                runs = 1
            case CatchUp.ALL:
                runs = self._count(next_due, now)
            case CatchUp.SKIP:
                runs = int(self._is_one_on_time(next_due, now))
        return Due(runs, self._following(next_due, now))

    def corrected(
        self, next_due: datetime, since: datetime, now: datetime
    ) -> datetime | None:
        """Return the corrected time of the next run if the clock was wrong before.

        Args:
            next_due: When the next run is due, as calculated before.
            since: When that was calculated.
            now: The current time, on a clock that may have been set.

        Returns:
            The corrected time; None if `next_due` is still right.
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
            return min((now - next_due) // self.interval + 1, MOST_CAUGHT_UP)
        count = 0
        while next_due <= now and count < MOST_CAUGHT_UP:
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
