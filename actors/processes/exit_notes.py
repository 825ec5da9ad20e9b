"""The exits of processes that a host's keeper has reaped.

The keeper appends a line to a file for each process, before it reaps it:

    <boot id> <pid> <start, in clock ticks since the machine was started> <wait status>
    <CPU, in clock ticks> <bytes read from disks> <bytes written to disks> <number>

The number identifies its start (see `start_number`), if it has one. Older keepers omit
the number, or the last four fields; all fields are on one line.

If the keeper knows the mark of the process, it follows. An incomplete line, of a keeper
that was killed, is ignored.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import msgspec

from ..own_files import open_own
from ..rules.figures import Figures
from ..rules.process_record import ProcessId, StartedProcess
from . import proc
from .exits import open_pidfd

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME: Final = "exits"
"""The name of the file in the session's folder."""

# Compiled on first use, to keep the start fast.
_LINE: Final = (
    rb"([0-9a-f]{1,32}) (\d{1,10}) (\d{1,18}) (\d{1,5})"
    rb"(?: (\d{1,18}) (\d{1,18}) (\d{1,18})(?: (\d{1,19}))?)?(?: ([!-~]{1,4096}))?"
)
_LARGEST: Final = 1 << 26  # bytes


class NotedExit(msgspec.Struct, frozen=True, gc=False):
    """The recorded exit of a process.

    Attributes:
        pid: Its id.
        born: Its start, in clock ticks since the machine was started.
        status: Its wait status, as `waitpid` returns it.
        mark: The mark in its environment; empty if unknown.
        figures: Its resource usage, if known.
        number: The number of its start, if it has one.
    """

    pid: int
    born: int
    status: int
    mark: str = ""
    figures: Figures | None = None
    number: int = 0


class ExitNotes:
    """The exits that the keepers of a session's hosts have recorded.

    Also holds pidfds of processes to adopt: since Linux 6.15 the kernel tells the
    holder of a pidfd the exit status of a process that its parent has reaped.

    Args:
        path: The file, which need not exist. None disables it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._boot = proc.boot_id()
        self._offset = 0
        self._exits: dict[int, list[NotedExit]] = {}
        self._pidfds: dict[StartedProcess, int] = {}

    def find(self, process: StartedProcess) -> NotedExit | None:
        """Return the exit of a process; None if it is not recorded.

        Reads the file if it has grown. Thread-safe.
        """
        self._read_again()
        for exit_ in self._exits.get(process.pid, ()):
            if process.earliest <= exit_.born <= process.latest:
                return exit_
        return None

    def hold(self, processes: Iterable[StartedProcess]) -> None:
        """Hold pidfds of these processes if they exist, and of no others."""
        held: dict[StartedProcess, int] = {}
        for it in processes:
            pidfd = self.take(it)
            pidfd = _pidfd_of(it) if pidfd is None else pidfd
            if pidfd is not None:
                held[it] = pidfd
        self.let_go()
        self._pidfds = held

    def take(self, process: StartedProcess) -> int | None:
        """Return the pidfd held for a process, or None; the caller closes it."""
        return self._pidfds.pop(process, None)

    def let_go(self) -> None:
        """Close the pidfds that were not taken."""
        while self._pidfds:
            os.close(self._pidfds.popitem()[1])

    def all_since(self, born: int) -> tuple[NotedExit, ...]:
        """Return the exits of processes that were started at this tick or later."""
        self._read_again()
        exits = (exit_ for exits in [*self._exits.values()] for exit_ in exits)
        return tuple(exit_ for exit_ in exits if exit_.born >= born)

    def forget_all(self) -> None:
        """Truncate the file; call this only when its exits are no longer needed."""
        path = self._path
        try:
            if path is not None and path.lstat().st_size:
                fd = open_own(path, os.O_WRONLY)
                try:
                    os.ftruncate(fd, 0)
                finally:
                    os.close(fd)
        except OSError:
            return  # it does not exist, or the next start truncates it

    def _read_again(self) -> None:
        if self._path is None:
            return
        try:
            fd = open_own(self._path, os.O_RDONLY)
        except OSError:
            return
        try:
            offset = self._offset
            size = os.fstat(fd).st_size
            if size < offset:
                offset = 0  # it was truncated
            if size == offset:
                return
            content = os.pread(fd, min(size - offset, _LARGEST), offset)
        except OSError:
            return
        finally:
            os.close(fd)
        # Text after the last newline may be incomplete.
        lines, found, _ = content.rpartition(b"\n")
        for line in lines.split(b"\n"):
            match = re.fullmatch(_LINE, line)
            if match is not None and match[1].decode() == self._boot:
                pid, born, status = map(int, match.group(2, 3, 4))
                figures = None
                if match[5] is not None:
                    ticks, read, written = map(int, match.group(5, 6, 7))
                    figures = Figures(proc.seconds(ticks), read=read, written=written)
                number, mark = int(match[8] or 0), (match[9] or b"").decode()
                exit_ = NotedExit(pid, born, status, mark, figures, number)
                self._exits.setdefault(pid, []).append(exit_)
        self._offset = offset + len(lines) + len(found)


def _pidfd_of(process: StartedProcess) -> int | None:
    # Opened before the check: if the process still matches, so does the pidfd.
    pidfd = open_pidfd(process.pid)
    if pidfd is None:
        return None
    try:
        now = proc.stat(process.pid)
    except OSError:
        now = None
    if now is not None and process.fits(ProcessId(process.pid, now.born)):
        return pidfd
    os.close(pidfd)
    return None
