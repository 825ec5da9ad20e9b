"""Which process a task runs as, and which it has left."""

from __future__ import annotations

import msgspec


class ProcessId(msgspec.Struct, frozen=True, gc=False):
    """One process; not one that has the same id later.

    Attributes:
        pid: Its id.
        born: When it was started, in clock ticks since the machine was.
    """

    pid: int
    born: int


class StartedProcess(msgspec.Struct, frozen=True, gc=False):
    """The first process of a job, as the program that started it knows it.

    Attributes:
        pid: Its id.
        earliest: Not started before this, in clock ticks since the machine was.
        latest: Not started after this.
    """

    pid: int
    earliest: int
    latest: int

    def fits(self, process: ProcessId) -> bool:
        """Tell whether a process is this one, and not one that got its id later."""
        return process.pid == self.pid and self.earliest <= process.born <= self.latest


class ProcessRecord(msgspec.Struct, frozen=True, gc=False):
    """The process that a task runs as.

    Attributes:
        task_id: The task.
        pid: Its process id, which the system may give to another when it has ended.
        created: When it was created, in seconds since the epoch; together with the id
            it means one process only.
    """

    task_id: int
    pid: int
    created: float
