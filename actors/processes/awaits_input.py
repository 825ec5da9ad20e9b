"""Whether a job waits for input.

It does if a process of its foreground waits until somebody types something, and the job
prints nothing and uses no processor time meanwhile. The kernel says in which system
call a thread is, and with which arguments: reading the job's terminal or its pipe, or
waiting for that without an end. One that looks again after a while, as `top` does, does
not wait for input; nor does one that passes on what others send, as `ssh` does.
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
"""Seconds without output after which it is looked at what the job does."""

_MOST: Final = 64  # processes, and threads of one, that are looked at
_MOST_FILES: Final = 1024  # that are waited for in one call
_TICK: Final = 1.5 / proc.TICKS  # seconds of processor time that count as none
_MULTIPLEXER: Final = os.makedev(5, 2)  # a process that has it open serves a terminal
_CONTROLLING: Final = os.makedev(5, 0)  # /dev/tty
_LOCAL: Final = frozenset({b"UNIX", b"UNIX-STREAM", b"NETLINK"})
_POLL_IN: Final = 0x41

# By the number of the call: what it does, and which argument is its timeout. A timeout
# is a pointer, or a number of milliseconds.
_CALLS: Final[dict[str, dict[int, tuple[str, int, bool]]]] = {
    "x86_64": {
        0: ("read", -1, False),
        19: ("read", -1, False),
        7: ("poll", 2, False),
        219: ("poll", 2, False),  # goes on after the process was stopped for a while
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

# What the kernel calls the places where a process waits that reads one of these.
_READS_TERMINAL: Final = (b"n_tty_read", b"wait_woken")
_READS_PIPE: Final = (b"pipe_read", b"anon_pipe_read", b"pipe_wait")


class _Process(msgspec.Struct, frozen=True):
    """What is looked at of a process.

    Attributes:
        pid: Its id.
        sleeps: Whether it waits for something.
        group: The id of its process group.
        terminal: The device of its controlling terminal; 0 for none.
        foreground: The group that has that terminal.
        cpu: Seconds of processor time, with that of children that were collected.
    """

    pid: int
    sleeps: bool
    group: int
    terminal: int
    foreground: int
    cpu: float


class InputWatch:
    """Looks, again and again, whether one job waits for input.

    Args:
        channel: What leads to its input; open.
        pid: Its first process.
        waits: Whether it did when another program has looked last.
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
        """Whether it did when it was looked at last."""
        self.is_new = False
        """Whether it has been sent something since it was said last that it waits."""

    def look(self, now: float, *, news: bool) -> bool:
        """Look at it, see `Job.look`; tell whether `waits` has changed.

        Reads some files of `/proc`, and only once the job has been silent for
        `SILENCE`.
        """
        before = self.waits
        taken = self._channel.taken
        if news or taken != self._taken or self._silent_since is None:
            self._taken, self._cpu = taken, None
            first = self._silent_since is None
            self._silent_since = now
            # What another program has said stands until something tells otherwise.
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
        """Tell whether a process waits until there is input for it."""
        if self._device and process.terminal == self._device:
            if process.group != process.foreground:
                return False
        elif self._device and process.terminal:
            return False  # it has another terminal, which the first one may serve
        threads = _names(f"/proc/{process.pid}/task")[:_MOST]
        calls = [
            proc.contents(f"/proc/{process.pid}/task/{it}/syscall") for it in threads
        ]
        if None in calls or not _CALLS_HERE:
            return self._seems_to_read(process)
        return any(self._awaits(process, call.split()) for call in calls if call)

    def _awaits(self, process: _Process, call: list[bytes]) -> bool:
        """Tell whether a thread waits for input in a system call."""
        if not call[0].isdigit() or int(call[0]) not in _CALLS_HERE:
            return False
        what, timeout, by_pointer = _CALLS_HERE[int(call[0])]
        arguments = [int(it, 16) for it in call[1:7]]
        if what == "read":
            return self._is_input(process, arguments[0])
        limit = arguments[timeout]
        if limit != 0 if by_pointer else not limit & 0x80000000:
            return False  # it looks again after that time
        files = [*_awaited(process.pid, what, arguments)]
        if not any(self._is_input(process, it) for it in files):
            return False
        return not any(_passes_on(process.pid, it) for it in files)

    def _seems_to_read(self, process: _Process) -> bool:
        """Do the same for a process that may not be looked into.

        As one of another user, such as `sudo`, or that another program has started.
        """
        if self._hides_typing():
            return True
        where = proc.contents(f"/proc/{process.pid}/wchan")
        if where not in (_READS_TERMINAL if self._device else _READS_PIPE):
            return False
        # A process that reads from a socket waits at the same place.
        return self._is_input(process, 0) and not any(
            _link(process.pid, it).startswith("socket:")
            for it in _names(f"/proc/{process.pid}/fd")
        )

    def _hides_typing(self) -> bool:
        """Tell whether the terminal takes a line that it does not show: a password."""
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
    """Give a process and what descends from it, as far as it can be looked at."""
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
    """Return the descriptors from which a call waits to read."""
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
    """Return a part of the memory of a process; less, or nothing, if it can't be read.

    Whole entries of eight bytes.
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
    """Tell whether a descriptor leads to another machine, or to another terminal."""
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
