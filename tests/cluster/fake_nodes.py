"""Simulated nodes, and the shared state of their cluster: rooms and owner."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
from typing import TYPE_CHECKING, Any

from backburner.actors.cluster.backend import NodeLostError
from backburner.actors.cluster.lease import Lease
from backburner.actors.cluster.node_agent import LOOKS, NodeAgent
from backburner.actors.rules.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from backburner.actors.cluster.wire import Amounts


class FakeNodes:
    """Simulated nodes that run jobs on this machine. Called on one event loop.

    Args:
        nodes: The nodes, and which resources each has.
        lease: Seconds for which something stays that no owner renews.
        gone: Called after an end for lack of an owner.
    """

    def __init__(
        self,
        nodes: dict[str, Amounts],
        lease: float,
        gone: Callable[[], object] = lambda: None,
    ) -> None:
        self._total = {name: dict(has) for name, has in nodes.items()}
        self._free = {name: dict(has) for name, has in nodes.items()}
        self._rooms: dict[str, tuple[str, Amounts]] = {}
        self._numbers = itertools.count(1)
        self._agents: dict[str, NodeAgent] = {}
        self._lost: dict[str, asyncio.Future[None]] = {}
        self._changed = asyncio.Condition()
        self._seconds = lease
        self._lease = Lease(lease)
        self._gone = gone
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def own(self) -> int:
        """Take over; return the number of the new owner."""
        owner = max(self._lease.owner + 1, time.time_ns())
        self._lease.check(owner)
        return owner

    async def nodes(self) -> tuple[Node, ...]:
        """Return the living nodes."""
        return tuple(
            Node(name, total, dict(self._free[name]))
            for name, total in self._total.items()
        )

    async def reserve(self, owner: int, needs: Amounts) -> tuple[str, str]:
        """Wait for room; return its name and its node."""
        async with self._changed:
            while True:
                self._lease.check(owner)
                for name, free in self._free.items():
                    if all(
                        free.get(resource, 0.0) >= amount
                        for resource, amount in needs.items()
                    ):
                        for resource, amount in needs.items():
                            free[resource] -= amount
                        room = f"{name}/{next(self._numbers)}"
                        self._rooms[room] = (name, dict(needs))
                        self._lease.hold(room)
                        return room, name
                await self._changed.wait()

    async def free(self, owner: int, rooms: Iterable[str]) -> None:
        """Release rooms."""
        self._lease.check(owner)
        await self._give_back(rooms)

    async def keep(self, owner: int, rooms: Iterable[str]) -> None:
        """Renew these rooms and release all others."""
        self._lease.renew(owner, rooms)
        await self._give_back(self._rooms.keys() - {*rooms})

    async def renew(self, owner: int, rooms: Iterable[str]) -> None:
        """Renew rooms."""
        self._lease.renew(owner, rooms)

    async def agents(self) -> list[str]:
        """Return the nodes with an agent."""
        return [*self._agents]

    async def agent(self, node: str, method: str, *args: Any) -> Any:
        """Call a method of a node's agent; start a missing agent.

        Raises:
            NodeLostError: If the node is lost, before or during the call.
        """
        died = f"the node {node} died while it ran there"
        if node not in self._total:
            raise NodeLostError(died)
        if node not in self._agents:
            self._lost[node] = asyncio.get_running_loop().create_future()
            key = f"fake-{uuid.uuid4().hex[:12]}"
            self._agents[node] = NodeAgent(
                key, node, lambda: self._agents.pop(node, None)
            )
        lost = self._lost[node]
        call = asyncio.ensure_future(getattr(self._agents[node], method)(*args))
        try:
            await asyncio.wait([call, lost], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not call.done():
                call.cancel()
        if lost.done():
            raise NodeLostError(died)
        return await call

    async def lose(self) -> None:
        """Kill the first node that runs jobs."""
        for name in [*self._agents][:1]:
            agent = self._agents.pop(name)
            del self._total[name], self._free[name]
            self._lost[name].set_result(None)
            agent.leave_to_warden()
            await agent.end()

    async def kill_agents(self) -> None:
        """Kill all agents, but no node."""
        agents, self._agents = self._agents, {}
        for name, agent in agents.items():
            self._lost[name].set_result(None)
            await agent.end()

    async def close(self, owner: int) -> None:
        """Close the cluster."""
        self._lease.check(owner)
        await self._end()

    async def _end(self) -> None:
        self._watching.cancel()
        agents, self._agents = self._agents, {}
        for agent in agents.values():
            with contextlib.suppress(Exception):
                await agent.end()
        self._gone()

    async def _watch(self) -> None:
        while not (self._lease.is_over and not self._agents):
            await asyncio.sleep(self._seconds / LOOKS)
            await self._give_back(self._lease.expired())
        await self._end()

    async def _give_back(self, rooms: Iterable[str]) -> None:
        async with self._changed:
            for room in [*rooms]:
                self._lease.drop(room)
                node, needs = self._rooms.pop(room, ("", {}))
                if (free := self._free.get(node)) is not None:
                    for name, amount in needs.items():
                        free[name] += amount
            self._changed.notify_all()
