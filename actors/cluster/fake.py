"""A cluster of simulated nodes: agents in one process that run jobs of this machine.

For tests, and for trying out what a session does with a cluster.
"""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from typing import TYPE_CHECKING, cast

import msgspec

from ..processes.warden import start_warden
from ..rules.nodes import Node
from .agent import NOTHING, Agent
from .backend import ClusterError, NodeLostError, Reservation
from .ray_settings import Shipping
from .versions import check_version, our_version
from .wire import Amounts

if TYPE_CHECKING:
    from .agent import Piece, Spec
    from .wire import Order


class FakeSettings(msgspec.Struct, frozen=True, tag="fake"):
    """What a simulated cluster is.

    Attributes:
        nodes: The nodes, and which resources each has.
        problem: Why it can't be reached; empty if it can. It may name the `{address}`.
        address: Where it is looked for.
        shipping: What travels of directories.
        version: What the nodes say that they have; by default what this process has.
    """

    nodes: dict[str, Amounts] = {}
    problem: str = ""
    address: str = "auto"
    shipping: Shipping = Shipping()
    version: str = ""


class _Calls:
    """Calls of an agent that lives here, until its node is lost."""

    def __init__(self, name: str, agent: Agent, warden: int) -> None:
        self._name = name
        self._agent = agent
        self._warden = warden
        self.lost = asyncio.get_running_loop().create_future()

    async def start(self, spec: Spec) -> str | None:
        self._check()
        return await self._agent.start(spec)

    async def follow(
        self, number: int, offset: int, limit: int, before: Piece = NOTHING
    ) -> Piece:
        self._check()
        piece = asyncio.ensure_future(self._agent.follow(number, offset, limit, before))
        await asyncio.wait([piece, self.lost], return_when=asyncio.FIRST_COMPLETED)
        if not piece.done():
            piece.cancel()
        self._check()
        return await piece

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        self._check()
        return await self._agent.receive(key, offset, data)

    async def order(self, index: int, order: Order) -> None:
        self._check()
        await self._agent.order(index, order)

    async def stop(self, number: int) -> None:
        self._check()
        await self._agent.stop(number)

    async def kill(self, number: int) -> None:
        self._check()
        await self._agent.kill(number)

    async def lose(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)
            os.close(self._warden)
        await self._agent.close()

    def _check(self) -> None:
        if self.lost.done():
            raise NodeLostError(f"the node {self._name} died while it ran there")


class FakeCluster:
    """Simulated nodes; SIGUSR1 makes one that runs jobs die.

    Args:
        settings: What it is.
    """

    def __init__(self, settings: FakeSettings) -> None:
        self._settings = settings
        self._total = {name: dict(has) for name, has in settings.nodes.items()}
        self._free = {name: dict(has) for name, has in settings.nodes.items()}
        self._agents: dict[str, asyncio.Task[_Calls]] = {}
        self._changed = asyncio.Condition()
        self._dying: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """See `Backend`, here and below."""
        if self._settings.problem:
            problem = self._settings.problem
            raise ClusterError(problem.format(address=self._settings.address))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._lose_one)

    async def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that have not died."""
        return tuple(
            Node(name, total, dict(self._free[name]))
            for name, total in self._total.items()
        )

    async def reserve(self, needs: Amounts) -> Reservation:
        """Reserve room on the first node that has it."""
        async with self._changed:
            while True:
                for name, free in self._free.items():
                    if all(free.get(it, 0.0) >= much for it, much in needs.items()):
                        for it, much in needs.items():
                            free[it] -= much
                        return Reservation(name, name, dict(needs))
                await self._changed.wait()

    async def free(self, reservation: Reservation) -> None:
        """Give room back."""
        async with self._changed:
            free = self._free.get(reservation.node)
            if free is not None:
                for name, amount in cast("Amounts", reservation.handle).items():
                    free[name] += amount
            self._changed.notify_all()

    async def agent(self, node: str) -> _Calls:
        """Return the agent of a node."""
        if node not in self._total:
            raise NodeLostError(f"the node {node} died")
        if node not in self._agents:
            starting = self._start_agent(node)
            self._agents[node] = asyncio.get_running_loop().create_task(starting)
        return await asyncio.shield(self._agents[node])

    async def _start_agent(self, node: str) -> _Calls:
        here = our_version()
        check_version(node, self._settings.version or here, here)
        key = f"fake-{uuid.uuid4().hex[:12]}"
        warden = await asyncio.to_thread(start_warden, key)
        return _Calls(node, Agent(key), warden)

    async def close(self) -> None:
        """End all agents."""
        for starting in self._agents.values():
            await (await starting).lose()

    def _lose_one(self) -> None:
        started = [it for it, task in self._agents.items() if task.done()]
        if started:
            name = started[0]
            agent = self._agents.pop(name).result()
            del self._total[name], self._free[name]
            task = asyncio.get_running_loop().create_task(agent.lose())
            self._dying.add(task)
