"""How statuses, durations and times look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ..actors import TaskStatus

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE: Final = 60
_HOUR: Final = 3600


class Icons(msgspec.Struct, frozen=True):
    """One sign for each status; every one of them is a single cell wide."""

    queued: str
    running: str
    complete: str
    failed: str
    canceled: str

    def of(self, status: TaskStatus) -> str:
        """Return the sign for a status."""
        match status:
            case TaskStatus.QUEUED:
                return self.queued
            case TaskStatus.RUNNING:
                return self.running
            case TaskStatus.COMPLETE:
                return self.complete
            case TaskStatus.FAILED:
                return self.failed
            case TaskStatus.CANCELED:
                return self.canceled


UNICODE_ICONS: Final = Icons("○", "●", "✓", "✗", "⊘")
ASCII_ICONS: Final = Icons("o", "*", "+", "x", "-")


def icons_for(encoding: str | None) -> Icons:
    """Return the signs that text in this encoding can hold."""
    signs = "".join(msgspec.structs.astuple(UNICODE_ICONS))
    try:
        signs.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII_ICONS
    return UNICODE_ICONS


def duration_text(seconds: float | None) -> str:
    """Write a duration for people: `0.3s`, `41.2s`, `1m 05s`, `2h 03m`."""
    if seconds is None:
        return "-"
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"


def clock_text(at: datetime) -> str:
    """Write a time of day in the local time zone: `10:41`."""
    return f"{at.astimezone():%H:%M}"
