"""Reads the properties of processes from `/proc`.

A process that is gone is no error: functions raise `OSError` only if the system lacks a
resource for the check, such as a file descriptor.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.shortage import WAITS_FOR
from .marks import MARK
from .spare import SPARES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEEDLE: Final = f"{MARK}=".encode()
_CHUNK: Final = 1 << 15  # few environments are longer
_ENDED: Final = frozenset({b"Z", b"X"})
TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Clock ticks per second."""

_LONGEST_NAME: Final = 15  # bytes of a program's name that the kernel keeps

# Indices of fields in `/proc/PID/stat`, counted from behind the name.
_STATE, _PARENT, _GROUP, _SESSION, _TIMES, _THREADS, _BORN = 0, 1, 2, 3, 11, 17, 19
_STATUS: Final = 49
_SIZE, _CODE, _ENVIRONMENT = 20, 23, 47

_LISTINGS: Final = 50
_EXEC_LOOKS: Final = 200
_EXEC_PAUSE: Final = 0.001


class Stat(msgspec.Struct, frozen=True, gc=False):
    """The state of a process at one moment.

    Attributes:
        pid: Its id.
        born: Its start, in clock ticks since the machine was started; unique together
            with the id.
        parent: The id of its parent.
        group: The id of its process group.
        session: The id of its session.
        ended: Whether it is a zombie. A process whose first thread has ended looks like
            one, but runs until its last thread has ended.
        headless: Whether it runs without its first thread.
        cpu: Seconds of CPU, including reaped children.
        size: Bytes of its address space; 0 for threads of the kernel.
    """

    pid: int
    born: int
    parent: int
    group: int
    session: int
    ended: bool
    headless: bool
    cpu: float
    size: int


def pids() -> list[int]:
    """Return the ids of all processes, including this one.

    Raises:
        OSError: If the list can't be read.
    """
    names = SPARES.use(lambda: os.listdir("/proc"))  # noqa: PTH208 - a tenth of the cost
    return [int(name) for name in names if name.isdigit()]


def each_of(listing: Callable[[], list[int]]) -> Iterator[int]:
    """Yield the ids of a listing; repeat it until a listing has no new ids.

    Thus the caller has checked each process that exists at the last listing. One
    listing is not enough: a process that forks after it, and ends before the caller
    checks it, hides its child.

    Gives up after a number of listings, if processes are started without a pause, as on
    a machine with many processors.
    """
    listed: set[int] = set()
    for _ in range(_LISTINGS):
        new = [pid for pid in listing() if pid not in listed]
        if not new:
            return
        listed.update(new)
        yield from new


def stat(pid: int) -> Stat | None:
    """Return the current state of a process, or None if it is gone."""
    content = contents(f"/proc/{pid}/stat")
    if content is None:
        return None
    # The name of the program comes first, in parentheses, and may contain any
    # character.
    fields = content.rpartition(b") ")[2].split()
    looks_ended = fields[_STATE] in _ENDED
    ended = looks_ended and int(fields[_THREADS]) <= 1
    return Stat(
        pid,
        int(fields[_BORN]),
        int(fields[_PARENT]),
        int(fields[_GROUP]),
        int(fields[_SESSION]),
        ended,
        looks_ended and not ended,
        sum(map(int, fields[_TIMES : _TIMES + 4])) / TICKS,
        int(fields[_SIZE]),
    )


def marks(process: Stat) -> tuple[str, ...]:
    """Return the parts of the mark in a process's environment.

    Empty if it has no mark, is gone, or belongs to another user. A process that is
    executing another program has no environment for a moment; the read is retried for
    up to 0.2 s, so that it is not missed.
    """
    if not (process.size or process.headless):
        return ()
    folder = f"/proc/{process.pid}"
    if process.headless:
        # The files of its other threads can still be read.
        for thread in _threads(process.pid):
            folder = f"/proc/{process.pid}/task/{thread}"
    environment = _environment(process.pid, folder)
    if not environment or _NEEDLE not in environment:
        return ()
    for variable in environment.split(b"\0"):
        if variable.startswith(_NEEDLE):
            value = variable[len(_NEEDLE) :].decode("utf-8", "replace")
            return tuple(value.split(",")) if value else ()
    return ()


def memory(pid: int) -> tuple[int, int] | None:
    """Return the bytes of memory of a process, now and at its peak; None if it is gone.

    Memory shared with forked processes counts for each of them; file pages don't count.
    """
    content = contents(f"/proc/{pid}/status")
    if content is None:
        return None
    sizes = dict.fromkeys((b"VmHWM:", b"RssAnon:", b"RssShmem:"), 0)
    for line in content.splitlines():
        words = line.split()
        if words and words[0] in sizes:
            sizes[words[0]] = int(words[1]) << 10
    peak, anonymous, shared = sizes.values()
    return anonymous + shared, peak


def share_of_memory(pid: int) -> int | None:
    """Return the bytes of memory of a process, counting shared memory in proportion.

    Without file pages. None if it is gone, or the kernel lacks this count.
    """
    content = contents(f"/proc/{pid}/smaps_rollup")
    if content is None:
        return None
    names = {b"Pss_Anon:", b"Pss_Shmem:"}
    lines = (line.split() for line in content.splitlines())
    return sum(int(words[1]) << 10 for words in lines if words and words[0] in names)


def transferred(pid: int) -> tuple[int, int] | None:
    """Return the bytes that a process read from disks and wrote to disks.

    Includes reaped children. None if it is gone, or permission is denied.
    """
    content = contents(f"/proc/{pid}/io")
    if content is None:
        return None
    counts = dict(line.split(b": ") for line in content.splitlines())
    try:
        return int(counts[b"read_bytes"]), int(counts[b"write_bytes"])
    except (KeyError, ValueError):
        return None


def threads_of_user(user: int) -> int:
    """Return the number of threads of a user's processes, as far as readable."""
    total = 0
    for pid in pids():
        content = contents(f"/proc/{pid}/status") or b""
        found = dict.fromkeys((b"Uid:", b"Threads:"), 0)
        for line in content.splitlines():
            words = line.split()
            if words and words[0] in found:
                found[words[0]] = int(words[1])
        if content and found[b"Uid:"] == user:
            total += found[b"Threads:"]
    return total


def name(pid: int) -> str | None:
    """Return the name of a process's program, or None if it is gone."""
    content = contents(f"/proc/{pid}/stat")
    if content is None:
        return None
    short = content.partition(b"(")[2].rpartition(b") ")[0]
    if len(short) >= _LONGEST_NAME:
        # The kernel truncates it; the command line may have the whole name.
        called = (contents(f"/proc/{pid}/cmdline") or b"").partition(b"\0")[0]
        whole = called.rpartition(b"/")[2]
        short = whole if whole.startswith(short) else short
    return short.decode("utf-8", "replace")


def boot_time() -> float:
    """Return the start of the machine, in seconds since the epoch."""
    for line in (contents("/proc/stat") or b"").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


def boot_id() -> str:
    """Return the unique id of this boot of the machine; `0` if unknown."""
    try:
        text = contents("/proc/sys/kernel/random/boot_id") or b""
    except OSError:
        text = b""
    return text.decode("ascii", "replace").strip().replace("-", "")[:32] or "0"


def status_of_zombie(pid: int) -> int | None:
    """Return the wait status of a zombie.

    None if it is gone, is running, or permission is denied: the kernel then shows a
    zero.
    """
    content = contents(f"/proc/{pid}/stat")
    owners = contents(f"/proc/{pid}/status")
    if content is None or owners is None:
        return None
    fields = content.rpartition(b") ")[2].split()
    if fields[_STATE] not in _ENDED or int(fields[_THREADS]) > 1:
        return None
    own = {b"Uid:": os.geteuid(), b"Gid:": os.getegid()}
    for line in owners.splitlines():
        name, *ids = line.split()
        if name in own and any(int(it) != own[name] for it in ids):
            return None
    return int(fields[_STATUS])


def seconds(ticks: int) -> float:
    """Convert clock ticks to seconds."""
    return ticks / TICKS


def _environment(pid: int, folder: str) -> bytes | None:
    """Return an environment; None if it can't be read, empty if it is empty."""
    for _ in range(_EXEC_LOOKS):
        content = contents(f"{folder}/environ")
        if content != b"" or _has_none(pid):
            return content
        time.sleep(_EXEC_PAUSE)
    return b""


def _has_none(pid: int) -> bool:
    """Return whether a process has no environment; False while it executes a program.

    In Linux, `begin_new_exec` replaces the memory of a process, `create_elf_tables`
    sets the address of the environment later, and `load_elf_binary` after that the
    address of the code. A file opened before the replacement and read after it is empty
    too.
    """
    content = contents(f"/proc/{pid}/stat")
    if content is None:
        return True
    fields = content.rpartition(b") ")[2].split()
    begin, end = fields[_ENVIRONMENT], fields[_ENVIRONMENT + 1]
    return fields[_SIZE] == b"0" or (fields[_CODE] != b"0" and begin == end)


def _threads(pid: int) -> Iterator[str]:
    try:
        names = SPARES.use(lambda: os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
    except OSError as error:
        if error.errno in WAITS_FOR:
            raise
        return
    yield from (name for name in names if name != str(pid))


def contents(path: str) -> bytes | None:
    """Return a file's content; None if its process is gone, or permission denied."""
    try:
        return SPARES.use(lambda: _read(path))
    except OSError as error:
        if error.errno in WAITS_FOR:
            raise
        return None


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = part = os.read(fd, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(fd, _CHUNK)
            content += part
        return content
    finally:
        os.close(fd)
