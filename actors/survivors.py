"""Finding and ending the processes of a task that are not, or no longer, its child.

A job's processes can leave its process group (`setsid`), lose their parent (a double
fork) or both. Every child carries `BACKBURNER_TASK=<session>:<id>` in its environment,
and its children inherit it; so a task's processes are those that lead back to its
session, its known processes or this mark.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

from .promise import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARK: Final = "BACKBURNER_TASK"
"""The environment variable that names the task a process belongs to."""

_KILL_ROUNDS: Final = 5
_KILL_WAIT: Final = 0.1
_POLL: Final = 0.005


def mark(session_key: str, task_id: int) -> str:
    """Return the value of the mark for one task.

    A program that runs inside a task and starts tasks itself adds its own mark to the
    one it carries, so that the outer task's processes can all be found.
    """
    own = f"{session_key}:{task_id}"
    outer = os.environ.get(MARK)
    return f"{outer},{own}" if outer else own


def own_part(value: str) -> str:
    """Return the innermost part of a mark: that of the task itself."""
    return value.rpartition(",")[2]


def is_of_session(part: str, session_key: str) -> bool:
    """Tell whether a part of a mark, `work-1f2e:3`, is of the session with this key.

    Whatever the session was called then: its key alone is like no other's.
    """
    return part.rpartition(":")[0].rpartition("-")[2] == session_key


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_marked(matches: Callable[[str], bool]) -> list[psutil.Process]:
    """Find the running processes that carry a mark which matches; never this one.

    Args:
        matches: Told each part of a process's mark, such as `work-1f2e:3`.
    """
    return [
        process
        for process in _others()
        if any(matches(part) for part in _mark_of(process)) and is_alive(process)
    ]


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
    found = {process.pid: process for process in known if is_alive(process)}
    token = own_part(own_mark)
    parents: dict[int, int] = {}
    others = {process.pid: process for process in _others()}
    for pid, process in others.items():
        if pid in found or pid == leader:
            continue
        if _session_of(pid) == leader or token in _mark_of(process):
            found[pid] = process
        else:
            with contextlib.suppress(psutil.Error):
                parents[pid] = process.ppid()
    # Children of theirs that hid from both tests: another session and no environment.
    grew = True
    while grew:
        grew = False
        for pid, parent in list(parents.items()):
            if parent in found or parent == leader:
                found[pid] = others[pid]
                del parents[pid]
                grew = True
    return [
        process for pid, process in found.items() if pid != leader and is_alive(process)
    ]


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
    """Find running session leaders, and all that is in their sessions.

    A leader that is gone, and one whose id is another process's by now, has none.
    """
    alive = {leader.pid: leader for leader in leaders if is_alive(leader)}
    if not alive:
        return []
    members = [process for process in _others() if _session_of(process.pid) in alive]
    return [member for member in members if is_alive(member)]


def signal_all(processes: Iterable[psutil.Process], number: int) -> None:
    """Send a signal to processes; psutil makes sure that no id has changed hands."""
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


def _others() -> Iterable[psutil.Process]:
    own = os.getpid()
    for pid in psutil.pids():
        if pid != own:
            with contextlib.suppress(psutil.Error):
                yield psutil.Process(pid)


def _mark_of(process: psutil.Process) -> list[str]:
    try:
        value = process.environ().get(MARK)
    except (psutil.Error, OSError):
        return []
    return value.split(",") if value else []


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
