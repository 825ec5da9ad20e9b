"""Parse dates and times of day as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ...actors.rules.safe_text import brief
from .arguments import UsageError

# Compiled on first use: compiling them at import would slow down each start.
_TIME: Final = r"(?a)(\d{1,2}):(\d{2})(?::(\d{2}))?"
_DATE: Final = r"(?a)(\d{4})-(\d{2})-(\d{2})"


def parse_time(text: str, now: datetime | None = None) -> datetime:
    """Parse a time in the local time zone.

    Args:
        text: `18:30` (the next time it is 18:30), `tomorrow 9:00`, `2026-12-24 18:30`
            or `2026-12-24T18:30`, each also with seconds.
        now: The current time; for tests.

    Raises:
        UsageError: If the text is not a time, or the time is over.
    """
    now = datetime.now(UTC) if now is None else now
    today = now.astimezone().replace(tzinfo=None)
    *words, last = text.replace("T", " ").split() or [""]
    time = re.fullmatch(_TIME, last)
    try:
        if time is None or len(words) > 1:
            raise ValueError  # noqa: TRY301 - the same error as for hour 25
        hour, minute, second = (int(it or 0) for it in time.groups())
        day = words[0] if words else ""
        wanted = _day(day, today).replace(
            hour=hour, minute=minute, second=second, microsecond=0, fold=0
        )
    except (ValueError, OverflowError):
        raise UsageError(
            f"{brief(text)} is not a time; write 18:30, tomorrow 9:00, or"
            " 2026-12-24 18:30"
        ) from None
    # A time without a zone is local, with the UTC offset of that day.
    moment = _moment(wanted)
    if moment <= now:
        if day:
            raise UsageError(f"{brief(text)} is in the past; give a later time")
        moment = _moment(wanted + timedelta(days=1))
    return moment


def _moment(wanted: datetime) -> datetime:
    moment = wanted.astimezone(UTC)
    if moment.astimezone().replace(tzinfo=None) == wanted:
        return moment
    # The time does not exist, since clocks are set forward over it: use a later one.
    return max(moment, wanted.replace(fold=1).astimezone(UTC))


def _day(word: str, today: datetime) -> datetime:
    if word in {"", "today"}:
        return today
    if word == "tomorrow":
        return today + timedelta(days=1)
    match = re.fullmatch(_DATE, word)
    if match is None:
        raise ValueError(word)
    year, month, day = map(int, match.groups())
    return today.replace(year=year, month=month, day=day)
