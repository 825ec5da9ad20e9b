"""Finds all processes of a task, including those that are no longer its children.

A job's processes can leave its process group (`setsid`), lose their parent (a double
fork) or both. A process belongs to a task if it or an ancestor is in the task's
session, is a known process of the task, or carries its mark.

Processes found ran when the process table was read, and may have ended since. They
count nevertheless, because they may have started others. So only a search that finds
nothing means that no process is left.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from . import table as process_table
from .marks import own_part
from .table import Table, with_descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .handle import Process


def find_marked(matches: Callable[[str], bool]) -> list[Process]:
    """Find the running processes that carry a matching mark; never this one.

    Args:
        matches: Called with each part of a process's mark, such as `work-1f2e:3`.

    Raises:
        OSError: If the process table can't be read now, as in the functions below.
    """
    return _search(
        lambda table: {
            pid for pid, entry in table.items() if any(map(matches, entry.marks))
        }
    )


def find_own(own_mark: str) -> list[Process]:
    """Find the running processes that carry one task's mark, as returned by `mark`."""
    token = own_part(own_mark)
    return find_marked(lambda part: part == token)


def members(
    table: Table, leader: int | None, token: str | None, known: Iterable[int] = ()
) -> set[int]:
    """Return the ids of one task's processes, including those known before.

    Args:
        table: The process table to search.
        leader: The id of its first process; None if that may have been reused.
        token: The task's own part of the mark, if it has one.
        known: The ids of processes whose descendants belong to the task too.
    """
    found = {
        pid
        for pid, entry in table.items()
        if entry.session == leader or token in entry.marks
    }
    ancestors = known if leader is None else (leader, *known)
    return with_descendants(table, found.union(ancestors))


def find_family(
    leader: int | None, own_mark: str, known: Iterable[Process] = ()
) -> list[Process]:
    """Find the running processes of one task.

    Args:
        leader: The id of its first process, whose session others may share; not reaped
            yet, so that the id is not reused. None if it was reaped; then others are
            found by their mark and their parents alone.
        own_mark: Its mark, as returned by `mark`.
        known: Processes found before; those still running, and their descendants, are
            included.

    Returns:
        All its processes except the leader.
    """
    alive = {process.pid: process for process in known if process.is_alive()}
    token = own_part(own_mark)

    def search(table: Table) -> set[int]:
        return members(table, leader, token, alive) - alive.keys() - {leader}

    return [*alive.values(), *_search(search)]


def find_sessions(leaders: Iterable[Process]) -> list[Process]:
    """Find running session leaders, all members of their sessions, and descendants.

    A leader that is gone, or whose id was reused, is skipped.
    """
    alive = {leader.pid for leader in leaders if leader.is_alive()}
    if not alive:
        return []

    def search(table: Table) -> set[int]:
        sessions = {pid for pid, entry in table.items() if entry.session in alive}
        return with_descendants(table, sessions)

    return _search(search)


def signal_all(processes: Iterable[Process], number: int) -> None:
    """Send a signal to processes; those that have ended are skipped."""
    for process in processes:
        process.send(number)


def ask_to_end(processes: Iterable[Process]) -> None:
    """Send SIGTERM, and SIGCONT so that stopped processes can handle it."""
    listed = tuple(processes)
    signal_all(listed, signal.SIGTERM)
    signal_all(listed, signal.SIGCONT)


def describe(processes: Iterable[Process]) -> str:
    """Name processes by id and program, for people, and why some can't be ended.

    Processes that have ended are omitted.
    """
    return ", ".join(filter(None, (process.describe() for process in processes)))


def _search(search: Callable[[Table], set[int]]) -> list[Process]:
    table = process_table.read()
    found = [table[pid].process for pid in search(table) if pid in table]
    # Parents first: a shell that outlives a killed child reports that in the output.
    return sorted(found, key=lambda process: (process.born, process.pid))
