"""The session's side of a job that the process of an engine runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ..kinds import JobEnd, JobNote, NotingJob
from ..rules.outcome import Outcome
from ..runtime.sending import call_safely
from .input import RemoteChannel
from .wire import Halt, Intake, KillJob, Run, StopJob, ToEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..kinds import JobContext
    from .link import Link

WAITING: Final = JobNote("waiting for the cluster")

LAST_WAIT: Final = 20.0
"""Seconds after which a killed job that does not end is given up."""


class RemoteJob(NotingJob):
    """A job that the process of an engine runs."""

    def __init__(self, run: Run, context: JobContext) -> None:
        self.channel = run.input and RemoteChannel(run.job, run.input, self._send)
        """The channel to its input, if it takes any; see `TakesInput`."""
        self.run = run
        self._number = run.job
        self._link: Link | None = None
        self._context = context
        has_begun = run.before == "began" and run.node
        self._note = JobNote(node=run.node) if has_begun else WAITING
        self._paused = self._stopped = self._killed = False
        self._end: JobEnd | None = None
        self._gives_up: float | None = None

    def look(self) -> JobEnd | None:
        """Return its end, if the engine has reported that, or is gone."""
        if self._end is None and self._gives_up is not None:
            now = self._context.clock.now().monotonic
            if now >= self._gives_up:
                if self._link is not None:
                    self._link.forget(self._number)
                where = self._note.node or "the engine"
                text = f"{where} did not answer the request to kill it"
                self._end = JobEnd(Outcome.failed(text), leftover=text)
        return self._end

    def note(self) -> JobNote:
        """Return why it waits, or where it runs."""
        return self._note

    def progress(self) -> None:
        """Return None: progress is read from the output."""

    def pid(self) -> None:
        """Return None: its process is on another machine."""

    def pause(self) -> None:
        """Make the engine pause its processes, or delay its start."""
        self._paused = True
        self._send(Halt(self._number, paused=True))

    def resume(self) -> None:
        """Make the engine resume it."""
        self._paused = False
        self._send(Halt(self._number, paused=False))

    def stop(self) -> None:
        """Make the engine send SIGTERM."""
        self._stopped = True
        self._send(StopJob(self._number))

    def kill(self) -> None:
        """Make the engine kill it; give it up if the engine does not answer."""
        self._killed = True
        self._send(KillJob(self._number))
        clock = self._context.clock
        self._gives_up = clock.now().monotonic + LAST_WAIT
        clock.call_later(LAST_WAIT, self._context.look)

    def given(self, link: Link) -> None:
        """Send the job to a process of the engine, with all earlier orders."""
        self._link = link
        link.send(self.run)
        if self._paused:
            self.pause()
        if self._killed:
            link.send(KillJob(self._number))
        elif self._stopped:
            link.send(StopJob(self._number))

    def lost(self) -> None:
        """Prepare for another process of the engine, since its own has died."""
        if self.channel is not None:
            self.channel.lose()
        before = "began" if self._may_have_begun() else "given"
        self.run = msgspec.structs.replace(
            self.run, before=before, node=self._note.node
        )

    def _may_have_begun(self) -> bool:
        # The file is created before the job begins.
        return self._note.waits is None or (
            not self.run.goes_on and Path(self.run.output).exists()
        )

    def _send(self, message: ToEngine) -> None:
        if self._link is not None:
            self._link.send(message)

    def told(self, note: JobNote) -> None:
        """Handle a note from the engine. On the thread that reads."""
        if self.channel is not None and note.waits is None:
            self.channel.begin()
        self._note = note
        self._context.look()

    def took(self, intake: Intake) -> None:
        """Handle the state of its input. On the thread that reads."""
        if self.channel is not None:
            self.channel.took(intake)
            self._context.look()

    def input_watch(self, *, waits: bool) -> RemoteChannel | None:
        """Return the detector of a wait for input; see `TellsInput`."""
        if self.channel is not None:
            self.channel.waits = waits
        return self.channel

    def ended(self, end: JobEnd) -> None:
        """Handle its end. On the thread that reads."""
        if self.channel is not None:
            self.channel.refused = "it has ended"
        self._end = end
        self._context.look()


def fail(jobs: Iterable[RemoteJob], why: str) -> None:
    """End jobs that no process of the engine can continue."""
    end = JobEnd(Outcome.failed(why))
    for job in jobs:
        call_safely(lambda job=job: job.ended(end))
