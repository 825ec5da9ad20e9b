"""What a killed program has left is ended or removed, unless it goes on."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..processes import family
from ..processes.bounds import held_of_session, remove_groups
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
"""Seconds by which a process's recorded and its actual creation time may differ.

The recorded one was read off the clock just after; the system knows the actual one
only relative to its own start, whose date it keeps in whole seconds.
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
    """End the processes of a session that was not closed in order.

    They are recognized by the mark in their environment, or by their recorded id
    together with their creation time; a process that merely has the same id by now is
    never touched. Blocks until they are gone, at most for the grace period and a
    second.

    Args:
        memory: What the session remembers.
        running: The tasks that had a job under way.
        recovered: What goes on.
        grace: Seconds between SIGTERM and SIGKILL.
        hurried: Tells whether the grace period is over before its time.
        found: Told what is there to be ended, for people; more than once.

    Returns:
        What could not be ended, for people; None if nothing is left.
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
        marked = family.find_marked(
            lambda part: is_of_session(part, key) and task_of(part) not in spared
        )
        # Most are known both ways.
        held = held_of_session(key, spared, look=True)
        left = [*dict.fromkeys([*marked, *held, *filter(Process.is_alive, members)])]
        found(family.describe(left))
        return left

    left = end_all(search, grace, hurried)
    remove_groups(key, spared)
    return left or None


def clear_way(adopted: Iterable[Adoption]) -> None:
    """Delete the output files that were made for a process that was never started.

    Those of jobs with a terminal or an input are there before their process.
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
    """Tell whether a process can be that of a task, apart from what is written down.

    That leads a session, and this program does not come from it.
    """
    try:
        leads = os.getsid(pid) == pid
    except OSError:
        return False
    return leads and pid not in {os.getpid(), os.getsid(0), os.getppid()}
