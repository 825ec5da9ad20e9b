"""A kind without a process: its jobs wait until a file is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from backburner.actors import InvalidRequestError, JobEnd, Outcome

if TYPE_CHECKING:
    from backburner.actors import JobContext

LIMIT: Final = 60.0
"""Seconds after which a file is given up."""


class FileJob:
    """Waits for one file. It is looked at on ticks, and when its time is over."""

    def __init__(self, path: Path, context: JobContext) -> None:
        self._path = path
        self._clock = context.clock
        self._begun = context.clock.now().monotonic
        self._stopped = False
        self._look_again = context.look
        context.clock.call_later(LIMIT, context.look)

    def look(self) -> JobEnd | None:
        """See whether the file is there."""
        if self._path.exists():
            return JobEnd(Outcome.complete(f"{self._path} is there"))
        if self._stopped:
            return JobEnd(Outcome.failed("stopped"))
        if self._clock.now().monotonic - self._begun >= LIMIT:
            return JobEnd(Outcome.failed(f"no {self._path} within {LIMIT:g} s"))
        return None

    def stop(self) -> None:
        """Give up at the next look, and ask for that."""
        self._stopped = True
        self._look_again()

    def kill(self) -> None:
        """Give up; there is no harder way."""
        self.stop()

    def progress(self) -> None:
        """Return None: it can't be known."""

    def pid(self) -> None:
        """Have no process."""


class FileKind:
    """Waits for a file."""

    name = "file"
    usage = "PATH"
    summary = "wait until a file is there"
    writes_output = False

    def check(self, args: tuple[str, ...]) -> None:
        """Accept one path."""
        if len(args) != 1:
            raise InvalidRequestError(f"file takes one path, not {len(args)}")

    def start(self, context: JobContext) -> FileJob:
        """Start to wait."""
        return FileJob(Path(context.task.args[0]), context)
