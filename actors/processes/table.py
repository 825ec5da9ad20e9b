"""The process table of the machine, as needed by searches for a task's processes.

Processes keep forking during a search, so a reading continues until it has missed none.
Many tasks may search at the same time, so it has to be fast, and one reading serves all
waiting threads.
"""

from __future__ import annotations

import functools
import os
import threading

import msgspec

from . import proc
from .handle import Process


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A running process; the table has no zombies.

    Attributes:
        pid: Its id.
        born: Its start; see `Process`.
        parent: The id of its parent.
        session: The id of its session.
        cpu: Seconds of CPU, including reaped children.
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
    """Readings of the table, shared by all threads that request one meanwhile.

    One reading at a time: each needs a descriptor, of which few may be free. A lock
    instead of an actor, since the caller needs the answer to continue, and a handler
    may not ask an actor. Without sharing, a cancel of 62 process trees reads the table
    hundreds of times, for 4 s.
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
    """Return all running processes except this one.

    The table has every process that runs when the reading ends, and may have some that
    ended during the reading. Blocks for a few milliseconds, to read the table or to
    wait for another thread's reading that began after the call.

    Raises:
        OSError: If the system lacks a resource to read all of them.
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
    """Return the shared readings of this process; they serve all of its systems.

    A child forked while a thread reads would inherit a lock that is never released, so
    a child has its own.
    """
    del process
    return _Readings()
