"""The process of a job that another program has started: taken over, not a child."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..rules.figures import Figures
from . import proc
from .child import GIVE_WAY, ExitStatus
from .exits import open_pidfd
from .handle import has_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rules.process_record import StartedProcess
    from .exit_notes import ExitNotes

_INFO_SIZE: Final = 64  # bytes of `struct pidfd_info` in its first version
_GET_INFO: Final = (3 << 30) | (_INFO_SIZE << 16) | (0xFF << 8) | 11
_INFO_EXIT: Final = 1 << 3
_STATUS_PLACE: Final = 60

_NOBODY: Final = (
    "it ended while the session had no host, and nothing that collected it noted it"
)
_IN_DOUBT: Final = "the session's host was killed in the moment in which it started it"


class AdoptedProcess:
    """The first process of a job that a killed program has left; see `ChildProcess`.

    Its parent of now collects it. Its id means it only as long as it has not
    been collected, so it is always looked at together with its start.

    Args:
        process: Which process.
        status: How it ended, as a wait status, if that is written down already.
        exits: What the keeper has written down.
        in_doubt: Whether it may be a process that the job has started, and the job's
            own has ended. Then how it ends says nothing of the job; see `runs`.
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
        """What it used, if its parent has noted that."""
        self._exits = exits
        self._end = None if status is None else ExitStatus.of(status)
        self._pidfd = exits.take(process)
        if self._pidfd is None and self._end is None:
            # Opened before the process is looked at: it is this one's if that fits.
            self._pidfd = open_pidfd(process.pid)
            if not self.leads:
                self._close()

    @property
    def leads(self) -> bool:
        """Whether its id still means its group and its session."""
        try:
            return self._look() is not None
        except OSError:
            return False

    def exit_status(self) -> ExitStatus | None:
        """Return how it ended, or None while it runs. Never blocks.

        None too while it has ended and only its parent could tell how, or while the
        system lacks what it takes to tell.
        """
        if self._end is None:
            with contextlib.suppress(OSError):
                self._end = self._find_end()
        return self._end

    def _find_end(self) -> ExitStatus | None:
        now = self._look()
        if now is not None and not now.ended:
            return None
        # Only now: the keeper notes it before it collects it.
        noted = self._exits.find(self.process)
        status = None if noted is None else noted.status
        used = None if now is None else _used(now)
        if status is None:
            status = self._from_kernel()
        if status is None and now is not None:
            status = proc.status_of_zombie(self.pid)
            if status is None or self._look() is None:
                return None  # the next look finds it collected
        self._close()
        # The keeper may have noted it since; if not, it was not collected when `used`
        # was read.
        noted = noted or self._exits.find(self.process)
        self.figures = (noted and noted.figures) or used
        if self.in_doubt:
            return ExitStatus(unknown=_IN_DOUBT)
        return ExitStatus(unknown=_NOBODY) if status is None else ExitStatus.of(status)

    def runs(self, command: Sequence[str]) -> bool:
        """Tell whether it still is what a command was started as.

        What a job starts in a session of its own runs another program: it takes one to
        make a session.
        """
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            return False
        wanted = [it.encode("utf-8", "surrogateescape") for it in command]
        return self.leads and words == wanted

    def signal_group(self, number: int) -> None:
        """Send a signal to every process of its group, if it still is its own."""
        if self.leads:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def give_way(self) -> None:
        """Let others have the processor first; see `ChildProcess`."""
        if self.leads:
            with contextlib.suppress(OSError):
                path = Path(f"/proc/{self.pid}/autogroup")
                path.write_bytes(b"%d\n" % GIVE_WAY)

    def reap(self) -> bool:
        """Leave it to its parent to collect it. Never blocks.

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
        # The first process of a job leads a session, whatever is written down.
        return now if now.session == self.pid else None

    def _from_kernel(self) -> int | None:
        """Ask the kernel, which tells each holder of a pidfd since Linux 6.15."""
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
    """Return what a process used that has ended and may not be collected yet."""
    read, written = proc.transferred(ended.pid) or (0, 0)
    return Figures(ended.cpu, read=read, written=written)
