"""Ending processes and removing files that a killed program has left behind."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..processes import family
from ..processes.bounds import in_groups_of_session, remove_groups
from ..processes.ending import end_all
from ..processes.handle import Process
from ..processes.marks import is_of_session, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..journal.protocol import Memory
    from ..rules.adoption import Adoption
    from ..rules.process_record import ProcessRecord
    from ..rules.task import Task
    from .recovery import Recovered

_TOLERANCE: Final = 2.0
"""Maximum difference in seconds between the recorded and actual creation time.

The recorded time was read from the clock just afterwards. The system stores the actual
time relative to its boot, whose date it keeps in whole seconds.
"""


def end_leftovers(  # noqa: PLR0913 - each is one independent thing
    memory: Memory,
    running: Iterable[Task],
    recovered: Recovered,
    *,
    grace: float,
    hurried: Callable[[], bool],
    found: Callable[[str], None],
) -> str | None:
    """End the processes of a session whose program was killed.

    They are recognized by the mark in their environment, or by the recorded id and
    creation time; a process that has reused an id is never touched. Blocks until they
    have ended, at most for the grace period and a second.

    Args:
        memory: The stored state of the session.
        running: The tasks that had a running job.
        recovered: The results of the recovery.
        grace: Seconds between SIGTERM and SIGKILL.
        hurried: Returns whether to end the grace period.
        found: Called, possibly several times, with the names of the processes.

    Returns:
        The processes that could not be ended, for people; None if there are none.
    """
    ran = {it.id for it in running}
    spared = recovered.spared
    if memory.clean and ran <= spared:
        return None
    leaders = [
        leader
        for record in memory.processes
        if record.task_id in ran - spared and (leader := _find(record)) is not None
    ]
    key = memory.session_key
    members = family.find_sessions(leaders)

    def search() -> list[Process]:
        left = find_all(key, members, spared, look=True)
        found(family.describe(left))
        return left

    left = end_all(search, grace, hurried)
    remove_groups(key, spared)
    return left or None


def find_all(
    key: str,
    known: Iterable[Process],
    spared: frozenset[int] = frozenset(),
    *,
    look: bool = False,
) -> list[Process]:
    """Return all processes of a session that are alive.

    Args:
        key: The key of the session.
        known: Processes found before.
        spared: Tasks whose processes are left out.
        look: Whether to look for control groups that another program has made.
    """
    marked = family.find_marked(
        lambda part: is_of_session(part, key) and task_of(part) not in spared
    )
    # Marks of another user's processes can't be read.
    held = in_groups_of_session(key, spared, look=look)
    # Most processes are found in several ways.
    return [*dict.fromkeys([*marked, *held, *filter(Process.is_alive, known)])]


def clear_way(adopted: Iterable[Adoption]) -> None:
    """Delete the empty output files of tasks whose process was never started.

    For jobs with a terminal or an input pipe, the file is created before the process.
    """
    for it in adopted:
        task = it.task
        if it.begins and task.attempt is None and task.output_path is not None:
            output = Path(task.output_path)
            with contextlib.suppress(OSError):
                found = output.lstat()
                if stat.S_ISREG(found.st_mode) and not found.st_size:
                    output.unlink()


def _find(record: ProcessRecord) -> Process | None:
    process = Process.find(record.pid)
    if process is None or abs(process.created - record.created) >= _TOLERANCE:
        return None
    return process if _may_be_of_a_task(record.pid) else None


def _may_be_of_a_task(pid: int) -> bool:
    """Return whether a process may belong to a task.

    It must be a session leader, and not this process, its parent or its session.
    """
    try:
        leads = os.getsid(pid) == pid
    except OSError:
        return False
    return leads and pid not in {os.getpid(), os.getsid(0), os.getppid()}
