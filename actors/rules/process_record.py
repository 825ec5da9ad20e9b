"""The processes of tasks."""

from __future__ import annotations

import msgspec


class ProcessId(msgspec.Struct, frozen=True, gc=False):
    """One process, distinguished from later ones with the same id.

    Attributes:
        pid: Its id.
        born: When it was started, in clock ticks since boot.
    """

    pid: int
    born: int


class StartedProcess(msgspec.Struct, frozen=True, gc=False):
    """The first process of a job, as recorded by the program that started it.

    Attributes:
        pid: Its id.
        earliest: The earliest possible time of its start, in clock ticks since boot.
        latest: The latest possible time of its start, in clock ticks since boot.
    """

    pid: int
    earliest: int
    latest: int

    def fits(self, process: ProcessId) -> bool:
        """Return whether a process is this one, not a later one with the same id."""
        return process.pid == self.pid and self.earliest <= process.born <= self.latest


class ProcessRecord(msgspec.Struct, frozen=True, gc=False):
    """The first process of a task.

    Attributes:
        task_id: The id of the task.
        pid: The process id, which the system may reuse after the process has ended.
        created: When it was created, in seconds since the epoch; distinguishes it from
            later processes with the same id.
    """

    task_id: int
    pid: int
    created: float
