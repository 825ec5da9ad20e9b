"""Observes the free resources of a cluster, and why jobs wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from .backend import Backend, ClusterError
from .wire import FromEngine, NodesSeen, Waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job import Job
    from .seats import Seats

LOOK_AT_NODES: Final = 3.0
"""Seconds between two queries of the nodes while jobs wait."""

FIRST_LOOK: Final = 0.2
"""Seconds that a job may wait before its reason is reported."""

TOLD: Final = 50
"""Maximum number of waiting jobs whose reason is updated."""


class NodeLooks:
    """Queries the nodes, and reports the results."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        backend: Backend,
        seats: Seats,
        jobs: dict[str, Job],
        connected: asyncio.Event,
        *,
        send: Callable[[FromEngine], None],
        give_up: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._seats = seats
        self._jobs = jobs
        self._connected = connected
        self._send = send
        self._give_up = give_up
        self.came = asyncio.Event()
        """Set for a job that may have to wait."""

    async def look(self) -> None:
        """Report to waiting jobs why they wait, while there are any."""
        await self._connected.wait()
        while True:
            await self.came.wait()
            # Cleared first: a job that arrives during the query may not be seated yet.
            self.came.clear()
            await asyncio.sleep(FIRST_LOOK)
            while self._seats.has_waiting_jobs:
                await self._tell_why()
                await asyncio.sleep(LOOK_AT_NODES)

    async def _tell_why(self) -> None:
        try:
            nodes = await self._backend.nodes()
        except ClusterError as error:
            self._give_up(str(error))
            return
        told: Counter[str] = Counter()
        for number, job in self._jobs.items():
            if job.agent is not None:
                continue
            shape = str(job.run.needs)
            told[shape] += 1
            if told[shape] > TOLD:
                why = "waiting for the cluster, behind others that need the same"
            else:
                why = self._seats.why(job.run.needs, nodes)
            if why != job.why:
                job.why = why
                self._send(Waits(number, why))

    async def tell(self) -> None:
        """Report the nodes to the session, once the cluster is connected."""
        await self._connected.wait()
        try:
            nodes = await self._backend.nodes()
        except ClusterError as error:
            self._give_up(str(error))
            return
        jobs = Counter(it.node for it in self._jobs.values())
        seen = (replace(it, jobs=jobs[it.name]) for it in nodes)
        self._send(NodesSeen(tuple(seen)))
