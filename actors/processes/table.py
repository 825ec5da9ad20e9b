"""All processes of the machine at one moment, as far as a search for a task's goes.

A search runs while whatever it looks for goes on forking, and many tasks may search at
the same time: so it has to be quick, and what one has read serves all that wait for it.

psutil is loaded when something has been found: it takes a tenth of the program's start.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from .marks import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

_NEEDLE: Final = f"{MARK}=".encode()
_CHUNK: Final = 1 << 20  # the environment of a process is hardly ever longer


class Entry(msgspec.Struct, frozen=True):
    """One running process; those that have ended and wait for their parent are none.

    One whose first thread has ended looks like them, but goes on.

    Attributes:
        pid: Its id.
        parent: The id of its parent.
        session: The id of its session; none if it is not known.
        born: When it was started, in units of the system's own; with the id it means
            one process only.
        marks: The parts of the mark in its environment.
    """

    pid: int
    parent: int
    session: int | None
    born: float
    marks: tuple[str, ...] = ()

    def process(self) -> psutil.Process | None:
        """Return a handle on it, or none if it has ended."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(self.pid)
            # The handle remembers who it is for; make sure that this is still the one.
            if _born(process) == self.born:
                return process
        return None


class _Readings:
    """Readings of the table, shared by all threads that ask during the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._ended = 0
        self._last: dict[int, Entry] = {}

    def take(self) -> dict[int, Entry]:
        """Return a reading that began after the call."""
        wanted = self._begun + 1
        with self._lock:
            if self._ended < wanted:
                self._begun += 1
                number = self._begun
                self._last = {entry.pid: entry for entry in _read()}
                self._ended = number
            return self._last


def read() -> dict[int, Entry]:
    """Return all running processes but this one, by id.

    Blocks for a few milliseconds: the table is read, or another thread's reading that
    began after the call is waited for.
    """
    return _readings_of(os.getpid()).take()


def _read_linux() -> Iterator[Entry]:
    own = os.getpid()
    for name in os.listdir("/proc"):  # noqa: PTH208 - a tenth of the cost of Path
        if not name.isdigit() or int(name) == own:
            continue
        try:
            fields = _fields(_content(f"/proc/{name}/stat"))
        except OSError:
            continue  # it has ended meanwhile
        folder = f"/proc/{name}"
        if fields[_STATE] in _ENDED:
            if int(fields[_THREADS]) <= 1:
                continue
            folder = _living_thread(name)
        marks: tuple[str, ...] = ()
        with contextlib.suppress(OSError):  # somebody else's, or just ending
            marks = _marks(_content(f"{folder}/environ"))
        yield Entry(
            int(name),
            int(fields[_PARENT]),
            int(fields[_SESSION]),
            float(fields[_BORN]),
            marks,
        )


_STATE, _PARENT, _SESSION, _THREADS, _BORN = 0, 1, 3, 17, 19
_ENDED: Final = frozenset({b"Z", b"X"})


def _living_thread(pid: str) -> str:
    """Return the folder of a thread that can still be asked for the environment."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
            if thread != pid:
                return f"/proc/{pid}/task/{thread}"
    return f"/proc/{pid}"


def _fields(stat: bytes) -> list[bytes]:
    # The name of the program comes first, in brackets, and may hold anything.
    return stat.rpartition(b") ")[2].split()


def _content(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(fd, _CHUNK)
        while len(content) >= _CHUNK and (more := os.read(fd, _CHUNK)):
            content += more
        return content
    finally:
        os.close(fd)


def _marks(environment: bytes) -> tuple[str, ...]:
    if _NEEDLE not in environment:
        return ()
    for variable in environment.split(b"\0"):
        if variable.startswith(_NEEDLE):
            value = variable[len(_NEEDLE) :].decode("utf-8", "replace")
            return tuple(value.split(",")) if value else ()
    return ()


def _read_elsewhere() -> Iterator[Entry]:
    import psutil

    own = os.getpid()
    for process in psutil.process_iter():
        if process.pid == own:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            parent = process.ppid()
            marks: tuple[str, ...] = ()
            with contextlib.suppress(psutil.Error, OSError):
                value = process.environ().get(MARK)
                marks = tuple(value.split(",")) if value else ()
            session: int | None = None
            with contextlib.suppress(OSError):
                session = os.getsid(process.pid)
            yield Entry(process.pid, parent, session, process.create_time(), marks)


def _born_linux(process: psutil.Process) -> float:
    return float(_fields(_content(f"/proc/{process.pid}/stat"))[_BORN])


def _born_elsewhere(process: psutil.Process) -> float:
    return process.create_time()


_LINUX: Final = sys.platform.startswith("linux")
_read = _read_linux if _LINUX else _read_elsewhere
_born = _born_linux if _LINUX else _born_elsewhere


@functools.lru_cache(maxsize=1)
def _readings_of(process: int) -> _Readings:
    """Return those of this process, for all its systems: there is only one table.

    A fork made while a thread reads gets a lock that nobody will ever let go, so those
    of its parent are none of its own.
    """
    del process
    return _Readings()
