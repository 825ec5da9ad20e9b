"""What a job says while it runs: its output, and how far it is."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..processes.output_file import OutputMonitor
from ..rules.output_news import OutputNews
from ..rules.safe_text import safe_line, size_text
from .calls import progress

if TYPE_CHECKING:
    from datetime import datetime

    from ..kinds import Job, Kind
    from ..rules.outcome import Outcome
    from ..rules.task import Task

QUIET_AFTER: Final = 10
"""Looks without news after which a job is looked at less often."""

_CUT: Final = "its command emptied its output file, and {} of output are gone"


class JobNews:
    """Reads what one job says."""

    def __init__(self, task: Task, kind: Kind) -> None:
        self._task = task
        self._kind = kind
        path = task.output_path
        terminal = task.terms is not None and task.terms.input == "terminal"
        self._monitor = None if path is None else OutputMonitor(path, terminal=terminal)
        self._looks_in_vain = 0
        self.latest: OutputNews = OutputNews(task.output_size)
        """What was read last."""

    @property
    def is_quiet(self) -> bool:
        """Whether it has said nothing for a while."""
        return self._looks_in_vain >= QUIET_AFTER

    def mark_attempt(self, at: datetime) -> None:
        """Say in the output where one attempt ends and the next begins. Blocks."""
        attempt, monitor = self._task.attempt, self._monitor
        if attempt is None or monitor is None:
            return
        # If the file can't be written, the start says so.
        with contextlib.suppress(OSError):
            monitor.begin_after(
                f"--- {safe_line(attempt.before)}; {self._task.attempt_text} at ",
                f"{at.astimezone():%H:%M:%S} ---",
            )

    def look(self, job: Job, *, last: bool = False) -> bool:
        """Read what is new; return whether anything is.

        Raises:
            WrongKindError: If the job can't tell its progress.
        """
        monitor, before = self._monitor, self.latest
        if monitor is not None:
            news = monitor.look_last() if last else monitor.look()
            if news is not None:
                self.latest = news
        percent = progress(self._kind, job)
        if percent is not None:
            self.latest = replace(self.latest, progress=percent)
        changed = self.latest != before
        self._looks_in_vain = 0 if changed else self._looks_in_vain + 1
        return changed

    def at_end(self) -> OutputNews | None:
        """Return what there is to say of it at the end; None if it has no output."""
        has_news = self._monitor is not None or self.latest.progress is not None
        return self.latest if has_news else None

    def with_cut(self, outcome: Outcome) -> Outcome:
        """Name in an outcome the output that its command has truncated, if any."""
        if self._monitor is None or not self._monitor.cut:
            return outcome
        cut = _CUT.format(size_text(self._monitor.cut))
        return replace(outcome, reason=f"{outcome.reason}; {cut}")
