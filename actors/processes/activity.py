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

from . import proc
from . import table as process_table
from .family import members

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class VitalSigns(msgspec.Struct, frozen=True):
    """What the processes of a task have done up to one moment.

    Attributes:
        at: When, in seconds on the monotonic clock.
        processes: How many there are.
        cpu: Seconds of CPU that they, and those of their children that have ended,
            have used since they were started.
        memory: Bytes of memory that they use now, but for what belongs to files; None
            if that was not looked at.
        peak: Bytes that the largest of them used at its peak; the same.
        read: Bytes that they read from disks; the same.
        written: Bytes that they wrote to disks; the same.
    """

    at: float
    processes: int
    cpu: float
    memory: int | None = None
    peak: int | None = None
    read: int | None = None
    written: int | None = None


def look(
    pid: int, *, with_memory: bool = False, memory_limit: int | None = None
) -> VitalSigns | None:
    """Look at all processes of a task, wherever they have gone; see `family`.

    Reads `/proc`, and blocks for the few milliseconds that takes.

    Args:
        pid: The first process of a running task, leader of its session.
        with_memory: Whether to look at memory and disks as well.
        memory_limit: Bytes; if they seem to use more, what processes share is counted
            once, which takes longer.

    Returns:
        What they have done so far, or None if they are gone, or nobody can tell.
    """
    try:
        table = process_table.read()
        leader = table.get(pid)
        token = leader.marks[-1] if leader is not None and leader.marks else None
        entries = (table[it] for it in members(table, pid, token) if it in table)
        # Some may have taken the place of others while the table was read.
        found = [it.pid for it in entries if it.process.is_alive()]
    except OSError:
        return None
    if not found:
        return None
    signs = VitalSigns(time.monotonic(), len(found), sum(table[it].cpu for it in found))
    try:
        if with_memory:
            signs = _with_memory(signs, found)
        elif memory_limit is not None:
            sizes = [it for it in map(proc.memory, found) if it is not None]
            memory = sum(now for now, _ in sizes)
            if memory > memory_limit:
                shares = map(proc.share_of_memory, found)
                memory = sum(it for it in shares if it is not None)
            signs = msgspec.structs.replace(signs, memory=memory)
    except OSError:
        return signs
    return signs


def _with_memory(signs: VitalSigns, found: Iterable[int]) -> VitalSigns:
    sizes = [it for it in map(proc.memory, found) if it is not None]
    moved = [it for it in map(proc.transferred, found) if it is not None]
    return msgspec.structs.replace(
        signs,
        memory=sum(now for now, _ in sizes),
        peak=max((peak for _, peak in sizes), default=0),
        read=sum(read for read, _ in moved),
        written=sum(written for _, written in moved),
    )


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
