"""Which process a task runs as."""

from __future__ import annotations

import msgspec


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
