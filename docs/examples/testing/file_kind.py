"""A kind without a process: its jobs wait until a file exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from backburner.actors import InvalidRequestError, JobEnd, Outcome

if TYPE_CHECKING:
    from backburner.actors import JobContext

LIMIT: Final = 60.0
"""Seconds after which a job fails."""


class FileJob:
    """Waits for one file, which it checks on ticks and at the time limit."""

    def __init__(self, path: Path, context: JobContext) -> None:
        self._path = path
        self._clock = context.clock
        self._begun = context.clock.now().monotonic
        self._stopped = False
        self._look_again = context.look
        context.clock.call_later(LIMIT, context.look)

    def look(self) -> JobEnd | None:
        """Check whether the file exists."""
        if self._path.exists():
            return JobEnd(Outcome.complete(f"{self._path} is there"))
        if self._stopped:
            return JobEnd(Outcome.failed("stopped"))
        if self._clock.now().monotonic - self._begun >= LIMIT:
            return JobEnd(Outcome.failed(f"no {self._path} within {LIMIT:g} s"))
        return None

    def stop(self) -> None:
        """Request a look, in which the job gives up."""
        self._stopped = True
        self._look_again()

    def kill(self) -> None:
        """Do the same as `stop`."""
        self.stop()

    def progress(self) -> None:
        """Return None: the progress is unknown."""

    def pid(self) -> None:
        """Return None: there is no process."""


class FileKind:
    """The kind of jobs that wait for a file."""

    name = "file"
    usage = "PATH"
    summary = "wait until a file is there"
    writes_output = False

    def check(self, args: tuple[str, ...]) -> None:
        """Accept one path."""
        if len(args) != 1:
            raise InvalidRequestError(f"file takes one path, not {len(args)}")

    def start(self, context: JobContext) -> FileJob:
        """Start waiting."""
        return FileJob(Path(context.task.args[0]), context)
