"""All processes of the machine at one moment, as far as a search for a task's goes.

A search runs while the processes that it looks for go on forking, so a reading goes on
until it has missed nothing. Many tasks may search at the same time, so it has to be
quick, and one reading serves all that wait.
"""

from __future__ import annotations

import functools
import os
import threading

import msgspec

from . import proc
from .handle import Process


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One running process; zombies are not among them.

    Attributes:
        pid: Its id.
        born: When it was started; see `Process`.
        parent: The id of its parent.
        session: The id of its session.
        cpu: Seconds of processor time that it and its collected children have used.
        marks: The parts of the mark in its environment.
    """

    pid: int
    born: int
    parent: int
    session: int
    cpu: float
    marks: tuple[str, ...] = ()

    @property
    def process(self) -> Process:
        """A handle on it."""
        return Process(self.pid, self.born)


Table = dict[int, Entry]
"""Running processes by id."""


class _Readings:
    """Readings of the table, shared by all threads that ask during the one before.

    One at a time: each takes a descriptor, of which there may be hardly any. A lock and
    no actor, since the caller needs the answer to go on, and is on a thread that may
    block: an actor could only be asked, which no handler may do. Without sharing, a
    cancel of 62 trees of processes reads the table hundreds of times, for 4 s.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = 0
        self._ended = 0
        self._last: Table = {}

    def take(self) -> Table:
        """Return a reading that began after the call."""
        wanted = self._begun + 1
        with self._lock:
            if self._ended < wanted:
                self._begun += 1
                number = self._begun
                self._last = _read()
                self._ended = number
            return self._last


def read() -> Table:
    """Return all running processes but this one.

    It has each process that runs when the reading ends, and may have some that ended
    during the reading. Blocks for a few milliseconds: the table is read, or another
    thread's reading that began after the call is waited for.

    Raises:
        OSError: If the system lacks what it takes to read them all.
    """
    return _readings_of(os.getpid()).take()


def _read() -> Table:
    own = os.getpid()
    table: Table = {}
    for pid in proc.each_of(proc.pids):
        if pid == own:
            continue
        now = proc.stat(pid)
        if now is None or now.ended:
            continue
        marks = proc.marks(now)
        table[pid] = Entry(pid, now.born, now.parent, now.session, now.cpu, marks)
    return table


def with_descendants(table: Table, ancestors: set[int]) -> set[int]:
    """Return the ids of some processes, which may be gone, and of their descendants."""
    family = set(ancestors)
    rest = [entry for pid, entry in table.items() if pid not in family]
    while children := {entry.pid for entry in rest if entry.parent in family}:
        family |= children
        rest = [entry for entry in rest if entry.pid not in children]
    return family


@functools.lru_cache(maxsize=1)
def _readings_of(process: int) -> _Readings:
    """Return those of this process, for all its systems: there is only one table.

    A fork made while a thread reads gets a lock that nobody will ever let go, so those
    of its parent are none of its own.
    """
    del process
    return _Readings()
