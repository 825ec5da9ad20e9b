"""Finding and ending the processes of a task that are not, or no longer, its child.

A job's processes can leave its process group (`setsid`), lose their parent (a double
fork) or both. A task's processes are those that lead back to its session, its known
processes or its mark.

psutil is loaded when it is needed: it takes a tenth of the program's start.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

from ..runtime.promise import Deadline
from . import table as process_table
from .marks import own_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psutil

_KILL_ROUNDS: Final = 5
_KILL_WAIT: Final = 0.1
_LOOKS: Final = 2
_POLL: Final = 0.005


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; a zombie does not.

    One whose first thread has ended looks like a zombie until the last one has.
    """
    import psutil

    try:
        if not process.is_running():
            return False
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def prepare() -> None:
    """Load what ending processes needs, so that the first to be ended need not wait."""
    importlib.import_module("psutil")


def find_marked(matches: Callable[[str], bool]) -> list[psutil.Process]:
    """Find the running processes that carry a mark which matches; never this one.

    Args:
        matches: Told each part of a process's mark, such as `work-1f2e:3`.
    """
    return _sure(
        lambda table: [
            entry for entry in table.values() if any(map(matches, entry.marks))
        ]
    )


def find_family(
    leader: int, own_mark: str, known: Iterable[psutil.Process] = ()
) -> list[psutil.Process]:
    """Find the running processes of one task.

    Args:
        leader: The id of its first process, whose session others may have stayed in;
            not reaped yet, so that the id can't mean another process.
        own_mark: Its mark, as `mark` gave it.
        known: Processes found before; those still running are included, and so are
            their children.

    Returns:
        All that are found but the leader.
    """
    alive = {process.pid: process for process in known if is_alive(process)}
    token = own_part(own_mark)

    def search(table: dict[int, process_table.Entry]) -> list[process_table.Entry]:
        found = {
            pid
            for pid, entry in table.items()
            if entry.session == leader or token in entry.marks
        }
        family = _with_descendants(table, found | alive.keys() | {leader})
        return [table[pid] for pid in family - alive.keys() - {leader}]

    return [*alive.values(), *_sure(search, doubtful=not alive)]


def end_marked(
    matches: Callable[[str], bool],
    grace: float,
    hurried: Callable[[], bool] = lambda: False,
) -> list[psutil.Process]:
    """End all processes that carry a mark which matches; see `end_all`.

    Args:
        matches: Told each part of a process's mark.
        grace: Seconds between SIGTERM and SIGKILL; 0 for SIGKILL at once.
        hurried: Tells whether the grace period is over before its time.

    Returns:
        Those that are still alive.
    """
    return end_all(lambda: find_marked(matches), grace, hurried)


def end_all(
    search: Callable[[], list[psutil.Process]],
    grace: float,
    hurried: Callable[[], bool] = lambda: False,
) -> list[psutil.Process]:
    """End all processes that a search finds.

    Asks first if there is a grace period, then kills, and searches again for what was
    forked meanwhile. Blocks until they are gone, at most for the grace period and
    half a second.

    Args:
        search: Finds those that are alive.
        grace: Seconds between SIGTERM and SIGKILL; 0 for SIGKILL at once.
        hurried: Tells whether the grace period is over before its time.

    Returns:
        Those that are still alive.
    """
    left = search()
    if left and grace > 0:
        ask_to_end(left)
        _wait_until_gone(left, grace, hurried)
        left = search()
    for _ in range(_KILL_ROUNDS):
        if not left:
            break
        signal_all(left, signal.SIGKILL)
        _wait_until_gone(left, _KILL_WAIT)
        left = search()
    return left


def find_sessions(leaders: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Find running session leaders, all that is in their sessions, and its descendants.

    A leader that is gone, and one whose id is another process's by now, has none.
    """
    alive = {leader.pid: leader for leader in leaders if is_alive(leader)}
    if not alive:
        return []

    def search(table: dict[int, process_table.Entry]) -> list[process_table.Entry]:
        members = {pid for pid, entry in table.items() if entry.session in alive}
        return [table[pid] for pid in _with_descendants(table, members)]

    return _sure(search)


def signal_all(processes: Iterable[psutil.Process], number: int) -> None:
    """Send a signal to processes; psutil makes sure that no id has changed hands."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def ask_to_end(processes: Iterable[psutil.Process]) -> None:
    """Send SIGTERM, and SIGCONT so that a stopped process can act on it."""
    listed = tuple(processes)
    signal_all(listed, signal.SIGTERM)
    signal_all(listed, signal.SIGCONT)


def describe(processes: Iterable[psutil.Process]) -> str:
    """Name processes by id and program, for people."""
    import psutil

    names: list[str] = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            names.append(f"{process.pid} ({process.name()})")
    return ", ".join(names)


def in_group(process: psutil.Process, group: int) -> bool:
    """Tell whether a process belongs to a process group."""
    try:
        return os.getpgid(process.pid) == group
    except OSError:
        return False


def _wait_until_gone(
    processes: Iterable[psutil.Process],
    timeout: float,
    hurried: Callable[[], bool] = lambda: False,
) -> None:
    # Not psutil.wait_procs: an init that reaps nothing, as in many containers, leaves
    # zombies, and it would wait for them.
    deadline = Deadline(timeout)
    left = [process for process in processes if is_alive(process)]
    while left and deadline.left() > 0 and not hurried():
        time.sleep(_POLL)
        left = [process for process in left if is_alive(process)]


def _with_descendants(
    table: dict[int, process_table.Entry], ancestors: set[int]
) -> set[int]:
    """Add those that hid from session and mark: in another one, without environment."""
    family = set(ancestors)
    rest = [entry for pid, entry in table.items() if pid not in family]
    while children := {entry.pid for entry in rest if entry.parent in family}:
        family |= children
        rest = [entry for entry in rest if entry.pid not in children]
    return family


def _sure(
    search: Callable[[dict[int, process_table.Entry]], list[process_table.Entry]],
    *,
    doubtful: bool = True,
) -> list[psutil.Process]:
    """Search the process table, and do not believe at once that there is nothing.

    A table is not read in one moment: a process may be forked behind the reader's back
    while its parent, further on, has ended when the reader comes there.
    """
    for _ in range(_LOOKS if doubtful else 1):
        entries = search(process_table.read())
        found = [it for entry in entries if (it := entry.process()) is not None]
        if found:
            return found
    return []
