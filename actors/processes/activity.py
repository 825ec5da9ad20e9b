"""The activity of a task's processes, for people who wonder whether it is stuck.

A process that waits forever looks like one that is about to continue. Observable facts
are the time since its last output, and its CPU usage.
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
    """The resource usage of a task's processes at one moment.

    Attributes:
        at: The moment, in seconds on the monotonic clock.
        processes: The number of processes.
        cpu: Seconds of CPU used since their start by them and their ended children.
        memory: Bytes of memory used now, without file pages; None if not measured.
        peak: Bytes of the largest process at its peak; None if not measured.
        read: Bytes read from disks; None if not measured.
        written: Bytes written to disks; None if not measured.
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
    """Measure all processes of a task, including those that left it; see `family`.

    Reads `/proc`, which blocks for a few milliseconds.

    Args:
        pid: The first process of a running task, leader of its session.
        with_memory: Whether to measure memory and disk usage as well.
        memory_limit: Bytes; if usage seems to exceed it, shared memory is counted only
            once, which takes longer.

    Returns:
        The usage, or None if the processes are gone or can't be read.
    """
    try:
        table = process_table.read()
        leader = table.get(pid)
        token = leader.marks[-1] if leader is not None and leader.marks else None
        entries = (table[it] for it in members(table, pid, token) if it in table)
        # Ids may have been reused while the table was read.
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
        output: Its output file, which may be missing.
        started_at: The start of the task, in seconds since the epoch.
        now: The current time, in seconds since the epoch.

    Returns:
        The seconds since the last output, or since the start if there was none; never
        less than 0, even if the clock was set.
    """
    last = started_at
    with contextlib.suppress(OSError):
        state = output.stat()
        if state.st_size:
            last = state.st_mtime
    return max(0.0, now - last)
