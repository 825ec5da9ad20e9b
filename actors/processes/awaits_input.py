"""Detects whether a job waits for input.

It does if a process of its foreground is blocked on input while the job prints nothing
and uses no CPU. The kernel tells the system call of a thread and its arguments: reading
the job's terminal or pipe, or polling it without a timeout. A process that polls with a
timeout, such as `top`, doesn't wait for input; nor does a process that forwards data of
others, such as `ssh`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import stat
import struct
import termios
from typing import TYPE_CHECKING, Final

import msgspec

from . import proc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .channel import Channel

SILENCE: Final = 1.0
"""Seconds without output before the job's processes are checked."""

_MOST: Final = 64  # limit of processes checked, and of threads of each
_MOST_FILES: Final = 1024  # limit of descriptors checked in one call
_TICK: Final = 1.5 / proc.TICKS  # seconds of CPU that count as idle
_MULTIPLEXER: Final = os.makedev(5, 2)  # a process that has it open serves a terminal
_CONTROLLING: Final = os.makedev(5, 0)  # /dev/tty
_LOCAL: Final = frozenset({b"UNIX", b"UNIX-STREAM", b"NETLINK"})
_POLL_IN: Final = 0x41

# By system call number: its type, its timeout argument, and whether that is a pointer
# (otherwise a number of milliseconds).
_CALLS: Final[dict[str, dict[int, tuple[str, int, bool]]]] = {
    "x86_64": {
        0: ("read", -1, False),
        19: ("read", -1, False),
        7: ("poll", 2, False),
        219: ("poll", 2, False),  # continues after SIGSTOP and SIGCONT
        271: ("poll", 2, True),
        23: ("select", 4, True),
        270: ("select", 4, True),
        232: ("epoll", 3, False),
        281: ("epoll", 3, False),
        441: ("epoll", 3, True),
    },
    "aarch64": {
        63: ("read", -1, False),
        65: ("read", -1, False),
        73: ("poll", 2, True),
        72: ("select", 4, True),
        22: ("epoll", 3, False),
        441: ("epoll", 3, True),
    },
}
_CALLS_HERE: Final = _CALLS.get(platform.machine(), {})

# Kernel functions in which a process sleeps that reads a terminal or a pipe.
_READS_TERMINAL: Final = (b"n_tty_read", b"wait_woken")
_READS_PIPE: Final = (b"pipe_read", b"anon_pipe_read", b"pipe_wait")


class _Process(msgspec.Struct, frozen=True):
    """Properties of a process that the check needs.

    Attributes:
        pid: Its id.
        sleeps: Whether it sleeps.
        group: The id of its process group.
        terminal: The device of its controlling terminal; 0 if none.
        foreground: The foreground process group of that terminal.
        cpu: Seconds of CPU, including reaped children.
    """

    pid: int
    sleeps: bool
    group: int
    terminal: int
    foreground: int
    cpu: float


class InputWatch:
    """Detects, by repeated checks, whether one job waits for input.

    Args:
        channel: The open channel to its input.
        pid: Its first process.
        waits: The last state that an earlier program detected.
    """

    def __init__(self, channel: Channel, pid: int, *, waits: bool = False) -> None:
        self._channel = channel
        self._pid = pid
        self._device = 0
        self._place = (0, 0)
        with contextlib.suppress(OSError):
            if channel.terminal:
                found = os.stat(channel.terminal)  # noqa: PTH116 - of a device
                self._device = found.st_rdev
                self._place = found.st_dev, found.st_rdev
            else:
                found = os.fstat(channel.fd)
                self._place = found.st_dev, found.st_ino
        self._silent_since: float | None = None
        self._cpu: float | None = None
        self._taken: int = channel.taken
        self._announced: int = channel.taken if waits else -1
        self.waits = waits
        """Whether the job waited for input at the last check."""
        self.is_new = False
        """Whether input was sent since the last report that the job waits."""

    def look(self, now: float, *, news: bool) -> bool:
        """Check the job; see `Job.look`. Return whether `waits` has changed.

        Reads some files of `/proc`, and only if the job has been silent for `SILENCE`.
        """
        before = self.waits
        taken = self._channel.taken
        if news or taken != self._taken or self._silent_since is None:
            self._taken, self._cpu = taken, None
            first = self._silent_since is None
            self._silent_since = now
            # The state reported by an earlier program holds until a check contradicts
            # it.
            self.waits = first and not news and before
        elif now - self._silent_since >= SILENCE:
            self._look_closely()
        if self.waits and not before:
            self.is_new = self._announced != taken
            self._announced = taken
        return self.waits is not before

    def _look_closely(self) -> None:
        used, reads = 0.0, False
        for process in processes_of(self._pid):
            used += process.cpu
            reads = reads or (process.sleeps and self._reads(process))
        rests = self._cpu is not None and abs(used - self._cpu) <= _TICK
        self._cpu = used
        self.waits = reads and (rests or self.waits) and not self._channel.waiting

    def _reads(self, process: _Process) -> bool:
        """Return whether a process waits for input."""
        if self._device and process.terminal == self._device:
            if process.group != process.foreground:
                return False
        elif self._device and process.terminal:
            return False  # it has another terminal, which the first process may serve
        threads = _names(f"/proc/{process.pid}/task")[:_MOST]
        calls = [
            proc.contents(f"/proc/{process.pid}/task/{it}/syscall") for it in threads
        ]
        if None in calls or not _CALLS_HERE:
            return self._seems_to_read(process)
        return any(self._awaits(process, call.split()) for call in calls if call)

    def _awaits(self, process: _Process, call: list[bytes]) -> bool:
        """Return whether a thread waits for input in a system call."""
        if not call[0].isdigit() or int(call[0]) not in _CALLS_HERE:
            return False
        what, timeout, by_pointer = _CALLS_HERE[int(call[0])]
        arguments = [int(it, 16) for it in call[1:7]]
        if what == "read":
            return self._is_input(process, arguments[0])
        limit = arguments[timeout]
        if limit != 0 if by_pointer else not limit & 0x80000000:
            return False  # the call has a timeout, so the process polls
        files = [*_awaited(process.pid, what, arguments)]
        if not any(self._is_input(process, it) for it in files):
            return False
        return not any(_passes_on(process.pid, it) for it in files)

    def _seems_to_read(self, process: _Process) -> bool:
        """Return whether a process that can't be inspected seems to wait for input.

        Such as a process of another user (`sudo`) or one started by another program.
        """
        if self._hides_typing():
            return True
        where = proc.contents(f"/proc/{process.pid}/wchan")
        if where not in (_READS_TERMINAL if self._device else _READS_PIPE):
            return False
        # A process that reads from a socket sleeps in the same function.
        return self._is_input(process, 0) and not any(
            _link(process.pid, it).startswith("socket:")
            for it in _names(f"/proc/{process.pid}/fd")
        )

    def _hides_typing(self) -> bool:
        """Return whether the terminal reads a line without echo, such as a password."""
        try:
            local = termios.tcgetattr(self._channel.end)[3]
        except (termios.error, ValueError, OSError):
            return False
        return bool(local & termios.ICANON) and not local & termios.ECHO

    def _is_input(self, process: _Process, fd: int) -> bool:
        try:
            found = os.stat(f"/proc/{process.pid}/fd/{fd}")  # noqa: PTH116 - as above
        except OSError:
            return False
        if not self._device:
            return stat.S_ISFIFO(found.st_mode) and self._place == (
                found.st_dev,
                found.st_ino,
            )
        if found.st_rdev == _CONTROLLING:
            return process.terminal == self._device
        return self._place == (found.st_dev, found.st_rdev)


def processes_of(pid: int) -> Iterator[_Process]:
    """Yield a process and its descendants, as far as they can be read."""
    pids = [pid]
    for each in pids:
        content = proc.contents(f"/proc/{each}/stat")
        if content is None:
            continue
        fields = content.rpartition(b") ")[2].split()
        yield _Process(
            each,
            fields[0] in b"SD",
            int(fields[2]),
            int(fields[4]),
            int(fields[5]),
            sum(map(int, fields[11:15])) / proc.TICKS,
        )
        for thread in _names(f"/proc/{each}/task")[:_MOST]:
            children = proc.contents(f"/proc/{each}/task/{thread}/children") or b""
            pids += map(int, children.split()[: _MOST - len(pids)])


def _awaited(pid: int, what: str, arguments: list[int]) -> Iterable[int]:
    """Return the descriptors that a system call waits to read from."""
    if what == "epoll":
        return _in_epoll(pid, arguments[0])
    if what == "poll":
        size = min(arguments[1], _MOST_FILES) * 8
        entries = struct.iter_unpack("ihh", _memory(pid, arguments[0], size))
        return [fd for fd, events, _ in entries if fd >= 0 and events & _POLL_IN]
    count = min(arguments[0], _MOST_FILES)
    bits = _memory(pid, arguments[1], (count + 7) // 8)
    return [it for it in range(8 * len(bits)) if bits[it // 8] >> it % 8 & 1]


def _in_epoll(pid: int, fd: int) -> Iterator[int]:
    content = proc.contents(f"/proc/{pid}/fdinfo/{fd}") or b""
    for line in content.splitlines():
        words = line.split()
        if words and words[0] == b"tfd:" and int(words[3], 16) & 1:
            yield int(words[1])


def _memory(pid: int, address: int, size: int) -> bytes:
    """Read memory of a process; return less, or nothing, if it can't be read.

    Returns whole entries of eight bytes.
    """
    if not address or not size:
        return b""
    try:
        fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = os.pread(fd, (size + 7) // 8 * 8, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(fd)
    return data[: len(data) // 8 * 8]


def _passes_on(pid: int, fd: int) -> bool:
    """Return whether a descriptor is connected to another machine or terminal."""
    path = f"/proc/{pid}/fd/{fd}"
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
        if not stat.S_ISSOCK(found.st_mode):
            return stat.S_ISCHR(found.st_mode) and found.st_rdev == _MULTIPLEXER
        protocol = os.getxattr(path, "system.sockprotoname")
    except OSError:
        return False
    return protocol.rstrip(b"\0") not in _LOCAL


def _link(pid: int, fd: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")  # noqa: PTH115 - for each look
    except OSError:
        return ""


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - a tenth of the cost
    except OSError:
        return []
