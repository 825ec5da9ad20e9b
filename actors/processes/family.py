"""Finding the processes of a task that are not, or no longer, its child.

A job's processes can leave its process group (`setsid`), lose their parent (a double
fork) or both. A task's processes are those that lead back to its session, its known
processes or its mark.

What a search finds ran when the process table was read, and may have ended since. Such
a process counts as well: it may have started another one. So only a search that finds
nothing means that nothing is left.
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
    """Find the running processes that carry a mark which matches; never this one.

    Args:
        matches: Told each part of a process's mark, such as `work-1f2e:3`.

    Raises:
        OSError: If the process table can't be read just now, here and below.
    """
    return _search(
        lambda table: {
            pid for pid, entry in table.items() if any(map(matches, entry.marks))
        }
    )


def find_own(own_mark: str) -> list[Process]:
    """Find the running processes that carry one task's mark, as `mark` gave it."""
    token = own_part(own_mark)
    return find_marked(lambda part: part == token)


def members(
    table: Table, leader: int | None, token: str | None, known: Iterable[int] = ()
) -> set[int]:
    """Return the ids of one task's processes, with those that were known before.

    Args:
        table: Where they are looked for.
        leader: The id of its first process; None if that id may be another's by now.
        token: The part of the mark that is the task's own, if it has one.
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
        leader: The id of its first process, whose session others may have stayed in;
            not reaped yet, so that the id can't mean another process; None if it is,
            and others are known by their mark and their parents alone.
        own_mark: Its mark, as `mark` gave it.
        known: Processes found before; those still running are included, and so are
            their children.

    Returns:
        All that are found but the leader.
    """
    alive = {process.pid: process for process in known if process.is_alive()}
    token = own_part(own_mark)

    def search(table: Table) -> set[int]:
        return members(table, leader, token, alive) - alive.keys() - {leader}

    return [*alive.values(), *_search(search)]


def find_sessions(leaders: Iterable[Process]) -> list[Process]:
    """Find running session leaders, all that is in their sessions, and its descendants.

    A leader that is gone, and one whose id is another process's by now, has none.
    """
    alive = {leader.pid for leader in leaders if leader.is_alive()}
    if not alive:
        return []

    def search(table: Table) -> set[int]:
        sessions = {pid for pid, entry in table.items() if entry.session in alive}
        return with_descendants(table, sessions)

    return _search(search)


def signal_all(processes: Iterable[Process], number: int) -> None:
    """Send a signal to processes; those that have ended meanwhile get none."""
    for process in processes:
        process.send(number)


def ask_to_end(processes: Iterable[Process]) -> None:
    """Send SIGTERM, and SIGCONT so that a stopped process can act on it."""
    listed = tuple(processes)
    signal_all(listed, signal.SIGTERM)
    signal_all(listed, signal.SIGCONT)


def describe(processes: Iterable[Process]) -> str:
    """Name processes by id and program, for people, and say which can't be ended why.

    Those that have ended are left out.
    """
    return ", ".join(filter(None, (process.describe() for process in processes)))


def _search(search: Callable[[Table], set[int]]) -> list[Process]:
    table = process_table.read()
    found = [table[pid].process for pid in search(table) if pid in table]
    # Parents first: a shell that outlives a child which was ended says so in the task's
    # output.
    return sorted(found, key=lambda process: (process.born, process.pid))
