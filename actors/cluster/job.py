"""The state of a job in the process of an engine."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from .job_output import JobOutput

if TYPE_CHECKING:
    from .backend import AgentCalls
    from .wire import Order, Run


class Job:
    """A job, from its `Run` to its `Ended`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.agent: AgentCalls | None = None
        self.why = ""
        self.node = ""
        self.begun = False
        self.seated = False
        self.stopped = False
        self.killed = False
        self.output = JobOutput(run.output)
        self.may_begin = asyncio.Event()
        self.may_begin.set()
        self.orders: deque[Order] = deque()
        self.ordered = 0
        self.ordering = False
