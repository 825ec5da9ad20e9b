"""The output and the progress of a running job."""

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
"""Checks without new output after which a job is checked less often."""

_CUT: Final = "its command truncated its output file; {} of output were lost"


class JobNews:
    """Reads the output and the progress of one job."""

    def __init__(self, task: Task, kind: Kind) -> None:
        self._task = task
        self._kind = kind
        path = task.output_path
        terminal = task.terms is not None and task.terms.input == "terminal"
        self._monitor = None if path is None else OutputMonitor(path, terminal=terminal)
        self._looks_without_news = 0
        self._is_marked = False
        self.latest: OutputNews = OutputNews(task.output_size)
        """The state after the last `look`."""

    @property
    def is_quiet(self) -> bool:
        """Whether the job has had no new output or progress for a while."""
        return self._looks_without_news >= QUIET_AFTER

    def mark_attempt(self, at: datetime) -> None:
        """Write a line to the output that separates two attempts, once. Blocks."""
        attempt, monitor = self._task.attempt, self._monitor
        if attempt is None or monitor is None or self._is_marked:
            return
        self._is_marked = True
        # If the file can't be written, the start reports it.
        with contextlib.suppress(OSError):
            monitor.begin_after(
                f"--- {safe_line(attempt.before)}; {self._task.attempt_text} at ",
                f"{at.astimezone():%H:%M:%S} ---",
            )

    def look(self, job: Job, *, last: bool = False) -> bool:
        """Read the new output and the progress; return whether anything changed.

        Raises:
            WrongKindError: If the method `progress` of the job is faulty.
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
        self._looks_without_news = 0 if changed else self._looks_without_news + 1
        return changed

    def at_end(self) -> OutputNews | None:
        """Return the final state; None without output and progress."""
        has_news = self._monitor is not None or self.latest.progress is not None
        return self.latest if has_news else None

    def with_cut(self, outcome: Outcome) -> Outcome:
        """Mention in an outcome the output that its command has truncated, if any."""
        if self._monitor is None or not self._monitor.cut:
            return outcome
        cut = _CUT.format(size_text(self._monitor.cut))
        return replace(outcome, reason=f"{outcome.reason}; {cut}")
