"""Whether a task's processes do anything: facts for a person who wonders.

From outside nobody can tell a process that waits for something that will never come
from one that is about to go on. What can be told is how long it has been silent, and
whether it uses any CPU.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from . import table as process_table
from .family import members

if TYPE_CHECKING:
    from pathlib import Path


class VitalSigns(msgspec.Struct, frozen=True):
    """What the processes of a task have done up to one moment.

    Attributes:
        at: When, in seconds on the monotonic clock.
        processes: How many there are.
        cpu: Seconds of CPU that they, and those of their children that have ended,
            have used since they were started.
    """

    at: float
    processes: int
    cpu: float


def look(pid: int) -> VitalSigns | None:
    """Look at all processes of a task, wherever they have gone; see `family`.

    Reads `/proc`, and blocks for the few milliseconds that takes.

    Args:
        pid: The first process of a running task, leader of its session.

    Returns:
        What they have done so far, or None if they are gone, or nobody can tell.
    """
    try:
        table = process_table.read()
    except OSError:
        return None
    leader = table.get(pid)
    token = leader.marks[-1] if leader is not None and leader.marks else None
    used = [table[it].cpu for it in members(table, pid, token) if it in table]
    if not used:
        return None
    return VitalSigns(time.monotonic(), len(used), sum(used))


def silence(output: Path, started_at: float, now: float) -> float:
    """Return for how many seconds a running task has printed nothing.

    Args:
        output: Its output file; it may be missing.
        started_at: When it started, in seconds since the epoch.
        now: This moment, in seconds since the epoch.

    Returns:
        The seconds since its last output, or since it started if it has printed
        nothing; never less than 0, however the clock was set.
    """
    last = started_at
    with contextlib.suppress(OSError):
        state = output.stat()
        if state.st_size:
            last = state.st_mtime
    return max(0.0, now - last)
