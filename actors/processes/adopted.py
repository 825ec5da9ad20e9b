"""The process of a job that was started by another program; not a child."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..rules.figures import Figures
from . import proc
from .child import ExitStatus
from .exits import open_pidfd
from .handle import give_way, has_group, signal_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rules.process_record import StartedProcess
    from .exit_notes import ExitNotes

_INFO_SIZE: Final = 64  # bytes of `struct pidfd_info` in its first version
_GET_INFO: Final = (3 << 30) | (_INFO_SIZE << 16) | (0xFF << 8) | 11
_INFO_EXIT: Final = 1 << 3
_STATUS_PLACE: Final = 60

_UNRECORDED: Final = (
    "it ended while the session had no host, and its exit was not recorded"
)
_IN_DOUBT: Final = "the session's host was killed just as it started the process"


class AdoptedProcess:
    """The first process of a job of a killed program; see `ChildProcess`.

    Its current parent reaps it. Once reaped, its id may be reused, so every check
    compares the start time as well.

    Args:
        process: The process.
        status: Its wait status, if that is recorded already.
        exits: The exits that the keeper has recorded.
        in_doubt: Whether it may be another process of the job, whose first process has
            ended. Then its exit status is not that of the job; see `runs`.
    """

    def __init__(
        self,
        process: StartedProcess,
        status: int | None,
        exits: ExitNotes,
        *,
        in_doubt: bool = False,
    ) -> None:
        self.in_doubt = in_doubt
        self.pid = process.pid
        self.process = process
        self.figures: Figures | None = None
        """Its resource usage, if its parent has recorded that."""
        self._exits = exits
        self._end = None if status is None else ExitStatus.of(status)
        self._pidfd = exits.take(process)
        if self._pidfd is None and self._end is None:
            # Opened before the check: if the process still matches, so does the pidfd.
            self._pidfd = open_pidfd(process.pid)
            if not self.leads:
                self._close()

    @property
    def leads(self) -> bool:
        """Whether its id is still that of its group and session."""
        try:
            return self._look() is not None
        except OSError:
            return False

    def exit_status(self) -> ExitStatus | None:
        """Return how it ended, or None while it runs. Never blocks.

        Also None while it has ended but only its parent can know its status, or while
        the system lacks a resource for the check.
        """
        if self._end is None:
            with contextlib.suppress(OSError):
                self._end = self._find_end()
        return self._end

    def _find_end(self) -> ExitStatus | None:
        now = self._look()
        if now is not None and not now.ended:
            return None
        # Only now: the keeper records an exit before it reaps the process.
        noted = self._exits.find(self.process)
        status = None if noted is None else noted.status
        used = None if now is None else _used(now)
        if status is None:
            status = self._from_kernel()
        if status is None and now is not None:
            status = proc.status_of_zombie(self.pid)
            if status is None or self._look() is None:
                return None  # the next look finds it reaped
        self._close()
        # The keeper may have recorded it since; if not, the process was not reaped yet
        # when `used` was read.
        noted = noted or self._exits.find(self.process)
        self.figures = (noted and noted.figures) or used
        if self.in_doubt:
            return ExitStatus(unknown=_IN_DOUBT)
        return (
            ExitStatus(unknown=_UNRECORDED) if status is None else ExitStatus.of(status)
        )

    def runs(self, command: Sequence[str]) -> bool:
        """Return whether it still runs the given command.

        A child of the job that leads a session runs another program, because making a
        session takes one.
        """
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            return False
        wanted = [it.encode("utf-8", "surrogateescape") for it in command]
        return self.leads and words == wanted

    def signal_group(self, number: int) -> None:
        """Send a signal to its process group, if its id was not reused."""
        if self.leads:
            signal_group(self.pid, number)

    def give_way(self) -> None:
        """Lower its priority; see `handle.give_way`."""
        if self.leads:
            give_way(self.pid)

    def reap(self) -> bool:
        """Stop watching it; its parent reaps it. Never blocks.

        Returns:
            Whether its group may have other members.
        """
        self._close()
        return has_group(self.pid)

    def _look(self) -> proc.Stat | None:
        now = proc.stat(self.pid)
        process = self.process
        if now is None or not process.earliest <= now.born <= process.latest:
            return None
        # The first process of a job leads a session, whatever the record says.
        return now if now.session == self.pid else None

    def _from_kernel(self) -> int | None:
        """Ask the kernel, which tells any holder of a pidfd since Linux 6.15."""
        if self._pidfd is None:
            return None
        info = bytearray(_INFO_SIZE)
        struct.pack_into("Q", info, 0, _INFO_EXIT)
        try:
            fcntl.ioctl(self._pidfd, _GET_INFO, info)
        except OSError:
            return None
        (mask,) = struct.unpack_from("Q", info, 0)
        if not mask & _INFO_EXIT:
            return None
        (status,) = struct.unpack_from("i", info, _STATUS_PLACE)
        return int(status)

    def _close(self) -> None:
        pidfd, self._pidfd = self._pidfd, None
        if pidfd is not None:
            os.close(pidfd)


def _used(ended: proc.Stat) -> Figures:
    """Return the usage of an ended process that may not be reaped yet."""
    read, written = proc.transferred(ended.pid) or (0, 0)
    return Figures(ended.cpu, read=read, written=written)
