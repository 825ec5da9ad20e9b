"""Pure functions that format schedules as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...actors.rules.safe_text import safe_line
from ..text.columns import table
from .reports import countdown_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ...actors import Schedule


def every_text(schedule: Schedule) -> str:
    """Return the rhythm of a schedule, with the time zone if it matters."""
    every = schedule.every
    if " " in every or every.startswith("@"):
        return f"{every} {schedule.zone}"
    return f"{every}s" if every[-1:].isdigit() else every


def next_text(schedule: Schedule, now: datetime) -> str:
    """Return when the next run is due, as a remaining time and a time of day."""
    if schedule.paused:
        return "paused"
    at = schedule.next_due.astimezone()
    seconds = (schedule.next_due - now).total_seconds()
    if seconds <= 0:
        return "due"
    if seconds < _DAY:
        return f"in {countdown_text(seconds)} ({at:%H:%M})"
    return f"in {int(seconds // _DAY)}d ({at:%Y-%m-%d %H:%M})"


def schedule_text(schedule: Schedule, now: datetime, *, removed: bool) -> str:
    """Return a schedule as one line, with its next run unless it was removed."""
    name = safe_line(schedule.request.description)
    text = f"schedule {schedule.id}: {name}, every {safe_line(every_text(schedule))}"
    if removed:
        return f"removed {text}"
    return f"{text}, {'' if schedule.paused else 'next '}{next_text(schedule, now)}"


def schedule_lines(schedules: Sequence[Schedule], now: datetime) -> list[str]:
    """Return a table of schedules: a header, and a row for each."""
    if not schedules:
        return ["No schedules."]
    rows = [
        ("ID", "Every", "Next", "Last", "Runs", "Description", ""),
        *(
            (
                str(it.id),
                safe_line(every_text(it)),
                next_text(it, now),
                "-" if it.last_task is None else f"#{it.last_task}",
                str(it.runs),
                safe_line(it.request.description),
                _left_out(it),
            )
            for it in schedules
        ),
    ]
    return table(rows)


def _left_out(schedule: Schedule) -> str:
    """Return how many runs were skipped, and why the last run was, if it was."""
    why = f": {safe_line(schedule.note)}" if schedule.note else ""
    return f"{schedule.skipped} skipped{why}" if schedule.skipped else why[2:]


_DAY = 86400.0
