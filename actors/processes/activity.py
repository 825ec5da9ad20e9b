"""Whether a task's processes do anything: facts for a person who wonders.

From outside nobody can tell a process that waits for something that will never come
from one that is about to go on. What can be told is how long it has been silent, and
whether it uses any CPU.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    import psutil


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
    """Look at a process, its descendants, and all others in its session.

    Reads `/proc`, and blocks for the few milliseconds that takes.

    Args:
        pid: The first process of a running task, leader of its session.

    Returns:
        What they have done so far, or none if the process is gone.
    """
    import psutil

    try:
        leader = psutil.Process(pid)
        family = {process.pid: process for process in leader.children(recursive=True)}
    except psutil.Error:
        return None
    family |= {process.pid: process for process in _session(pid)}
    family[pid] = leader
    used = [cpu for process in family.values() if (cpu := _cpu(process)) is not None]
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


def _session(leader: int) -> list[psutil.Process]:
    import psutil

    members: list[psutil.Process] = []
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(pid) == leader:
                members.append(psutil.Process(pid))
    return members


def _cpu(process: psutil.Process) -> float | None:
    import psutil

    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        times = process.cpu_times()
    except psutil.Error:
        return None
    own = times.user + times.system
    # Where the system counts it: what children used that have ended.
    ended = getattr(times, "children_user", 0.0) + getattr(
        times, "children_system", 0.0
    )
    return own + ended
