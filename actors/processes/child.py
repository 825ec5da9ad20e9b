"""A child process in a session of its own: start, end and signals to its group."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final, Self

import msgspec

from ..rules.outcome import Outcome
from ..rules.process_record import StartedProcess
from ..rules.status import TaskStatus
from .bounds import figures_of
from .handle import give_way, has_group, signal_group
from .notes import JobNotes, ticks_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rules.figures import Figures
    from .bounds import Bounds
    from .channel import Channel
    from .environment import Environment


_STARTED: Final[set[int]] = set()
_STARTING: Final[set[object]] = set()


def started() -> frozenset[int]:
    """Return the ids of all children started here and not reaped yet."""
    return frozenset(_STARTED)


def starting() -> frozenset[object]:
    """Return a token for each start in progress, whose child may exist already."""
    return frozenset(_STARTING)


class ExitStatus(msgspec.Struct, frozen=True):
    """How a process ended: an exit code, a signal, or unknown (neither).

    Attributes:
        code: Its exit code.
        signal: The number of the signal that ended it.
        unknown: Why the status is unknown, if it has neither.
    """

    code: int | None = None
    signal: int | None = None
    unknown: str = "another part of this program collected it"

    @classmethod
    def of(cls, status: int) -> Self:
        """Decode a wait status."""
        number = status & 0x7F
        return cls(signal=number) if number else cls(code=status >> 8 & 0xFF)

    @property
    def wait_status(self) -> int | None:
        """The encoded wait status; None if unknown."""
        if self.signal is not None:
            return self.signal
        return None if self.code is None else self.code << 8

    def outcome(self, figures: Figures | None = None) -> Outcome:
        """Return the outcome of a task that ended this way, with its resource usage."""
        code = self.code
        if code == 0:
            reason = "exit status 0"
            return Outcome(TaskStatus.COMPLETE, reason, code, figures=figures)
        if self.signal is not None:
            reason = f"killed by signal {self.signal}{_name(self.signal)}"
        elif code is None:
            reason = f"its exit status is unknown: {self.unknown}"
        else:
            reason = f"exit status {code}"
        return Outcome(TaskStatus.FAILED, reason, code, reason, figures)


def _name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""


class ChildProcess:
    """A running child; leader of its own session and process group.

    Until `reap`, its process id, which is also that of its group, can't be reused, even
    after it has exited.

    See `spawn` for its start, which is recorded in `notes`.

    Raises:
        OSError: If the output file can't be written or the program can't be started;
            `filename` says which.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        argv: Sequence[str],
        environment: Environment,
        output: str | os.PathLike[str],
        directory: str | os.PathLike[str] | None = None,
        *,
        goes_on: bool = False,
        channel: Channel | None = None,
        bounds: Bounds | None = None,
        notes: JobNotes | None = None,
    ) -> None:
        # Loaded at the first start of a process, to keep the program's start fast.
        from . import spawn  # noqa: PLC0415

        notes = notes or JobNotes()
        makes_output = spawn.best().makes_output and not goes_on and channel is None
        if makes_output and notes.are_kept:
            # A reader of the note would mistake the file for the output of this
            # process.
            spawn.refuse_existing(output)
        within = (
            contextlib.nullcontext(argv)
            if bounds is None
            else bounds.starting(argv, environment)
        )
        start = object()
        _STARTING.add(start)
        try:
            with notes.starting(output_tells=makes_output):
                earliest = ticks_now()
                with within as command:
                    self.pid = spawn.spawn(
                        command,
                        environment,
                        output,
                        directory,
                        goes_on=goes_on,
                        channel=channel,
                    )
            _STARTED.add(self.pid)
        finally:
            _STARTING.discard(start)
        """Its process id, which is also that of its group and session."""
        self.figures: Figures | None = None
        """Its resource usage; known once it has been reaped."""
        self.process = StartedProcess(self.pid, earliest, ticks_now())
        """The process with its start time, which distinguishes it from later ones."""

    in_doubt = False
    """Whether this may be another process than the job's."""

    @property
    def leads(self) -> bool:
        """Whether its id is still that of its group and session."""
        return True

    def exit_status(self) -> ExitStatus | None:
        """Return how it ended, or None while it runs. Never blocks, does not reap."""
        try:
            info = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return ExitStatus()
        if info is None:
            return None
        if info.si_code == os.CLD_EXITED:
            return ExitStatus(code=info.si_status)
        return ExitStatus(signal=info.si_status)

    def signal_group(self, number: int) -> None:
        """Send a signal to all processes of its group, if any are alive.

        Must not be called after `reap`.
        """
        signal_group(self.pid, number)

    def give_way(self) -> None:
        """Lower its priority; see `handle.give_way`."""
        give_way(self.pid)

    def reap(self) -> bool:
        """Reap the exited process and free its id. Never blocks.

        Returns:
            Whether its group has other members, running or not reaped yet.
        """
        try:
            pid, _, usage = os.wait4(self.pid, os.WNOHANG)
        except ChildProcessError:
            pass  # reaped by another part of this program
        else:
            if pid == 0:
                return True
            self.figures = figures_of(usage)
        _STARTED.discard(self.pid)
        return has_group(self.pid)
