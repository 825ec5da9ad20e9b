"""The backend for a Ray cluster.

Only this module and `ray_rooms` use Ray. Ray replaces signal handlers, and ends its
whole process when the control store of the cluster is gone, so no part of a session
runs in that process.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import socket
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from ..rules.nodes import Node
from ..rules.safe_text import safe_line
from .backend import (
    AgentCalls,
    ClusterError,
    NodeLostError,
    Reservation,
    held_by,
    renew_all,
)
from .node_agent import NodeAgent
from .ray_rooms import GpuHolder, Rooms
from .versions import check_version, our_version, versions_of_ray

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .agent_messages import Held
    from .ray_settings import RaySettings
    from .wire import Amounts

CONNECT_TIMEOUT: Final = 45.0
"""Seconds for the cluster to answer."""

AGENT_TIMEOUT: Final = 90.0
"""Seconds for an agent to start on a node."""

CALL_TIMEOUT: Final = 30.0
"""Seconds for the control store to answer."""

_REACH_TIMEOUT: Final = 5.0
_WAIT: Final = 1.0  # seconds per wait for a reservation, between checks for a cancel
_UNAVAILABLE: Final = 0.5
_THREADS: Final = 64
_CLOSE_TIMEOUT: Final = 3.0
_ROOMS: Final = "rooms"

ResultT = TypeVar("ResultT")


class RayCluster:
    """An existing Ray cluster; see `Backend`."""

    def __init__(self, settings: RaySettings) -> None:
        self._settings = settings
        self._session = settings.stay.owner or uuid.uuid4().hex
        self._ray: Any = None
        self._groups: Any = None
        self._owner = 0
        self._rooms: Any = None
        self._held_rooms: set[str] = set()
        self._making_rooms = asyncio.Lock()
        self._agents: dict[str, asyncio.Task[AgentCalls]] = {}
        self._names: dict[str, str] = {}
        # Calls to the control store block.
        self._threads = ThreadPoolExecutor(_THREADS, "backburner-ray")

    async def connect(self) -> None:
        """Connect to the cluster."""
        address = self._settings.address
        try:
            await self._blocking(self._init, within=CONNECT_TIMEOUT)
        except TimeoutError:
            raise ClusterError(
                f"the Ray cluster at {address} did not answer within"
                f" {CONNECT_TIMEOUT:.0f} s; check it with: ray status"
            ) from None

    async def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that are alive according to the control store."""
        try:
            return await self._blocking(self._look, within=CALL_TIMEOUT)
        except TimeoutError:
            raise ClusterError(
                f"the control store of the Ray cluster at {self._settings.address} did"
                f" not answer within {CALL_TIMEOUT:.0f} s"
            ) from None

    async def held(self) -> tuple[list[Held], list[str]]:
        """Adopt the jobs of the session's agents."""
        await self._blocking(self._look, within=CALL_TIMEOUT)
        self._owner = await self._ask_rooms("own")
        names = await self._blocking(self._ray.util.list_named_actors)
        nodes = [it.rpartition("/") for it in names]
        found, problems = await held_by(
            (
                (node, self.agent(node))
                for session, _, node in nodes
                if session == self._session and node != _ROOMS
            ),
            self._settings.stay.lease,
        )
        found = [replace(it, name=self._name(it.node)) for it in found]
        rooms = [it.room for it in found if it.room]
        self._held_rooms |= {*rooms}
        await self._ask_rooms("keep", rooms)
        return found, problems

    async def reserve(self, needs: Amounts) -> Reservation:
        """Create a placement group of one bundle; wait until it is placed."""
        name = await self._ask_rooms("make", needs)
        self._held_rooms.add(name)
        group = self._group(name)
        try:
            while not await self._blocking(lambda: group.wait(_WAIT)):
                pass
            table = await self._blocking(
                lambda: self._groups.placement_group_table(group), within=CALL_TIMEOUT
            )
            node = table["bundles_to_node_id"][0]
            variables: dict[str, str] = {}
            holder = None
            if needs.get("GPU"):
                holder, variables = await self._hold_gpus(group, needs["GPU"])
            if node not in self._names:
                await self.nodes()
        except BaseException:
            self._threads.submit(self._drop, name, group)
            raise
        return Reservation(node, self._name(node), name, variables, holder)

    async def free(self, reservation: Reservation) -> None:
        """Remove the placement group."""
        self._held_rooms.discard(reservation.handle)
        await self._ask_rooms("free", (reservation.handle,))

    async def renew(self) -> None:
        """Renew the leases of agents, jobs and placement groups."""
        rooms = self._ask_rooms("renew", tuple(self._held_rooms))
        await renew_all(rooms, [*self._agents.values()], self._settings.stay.lease)

    async def agent(self, node: str) -> AgentCalls:
        """Return the agent of a node; start it if there is none."""
        if node not in self._agents:
            starting = self._start_agent(node)
            self._agents[node] = asyncio.get_running_loop().create_task(starting)
        try:
            return await asyncio.shield(self._agents[node])
        except (NodeLostError, ClusterError):
            self._agents.pop(node, None)
            raise

    async def close(self) -> None:
        """End all agents with their jobs, release the room, and disconnect."""
        if self._ray is None:
            return
        await asyncio.gather(
            *(self._end_agent(node) for node in [*self._agents]), return_exceptions=True
        )
        if self._rooms is not None:
            await self._blocking(lambda: self._ray.kill(self._rooms))
        await self._blocking(self._ray.shutdown)

    async def _end_agent(self, node: str) -> None:
        opening = self._agents[node]
        if opening.done():
            with contextlib.suppress(Exception):
                await asyncio.wait_for(opening.result().close(), _CLOSE_TIMEOUT)
        else:
            opening.cancel()
        # Its warden then ends the remaining processes of its jobs.
        await self._blocking(lambda: self._kill(f"{self._session}/{node}"))

    def _kill(self, name: str) -> None:
        with contextlib.suppress(ValueError):  # there is none
            self._ray.kill(self._ray.get_actor(name))

    async def _start_agent(self, node: str) -> AgentCalls:
        ray, name = self._ray, self._name(node)
        called = f"{self._session}/{node}"
        # Calls block while a node that has just died is still listed.
        actor = await self._blocking(
            lambda: self._actor(NodeAgent, called, node, 10_000).remote(
                f"ray-{uuid.uuid4().hex[:12]}", name
            )
        )
        agent = AgentCalls(self._owner, self._calls(actor, node, name))
        try:
            there = await asyncio.wait_for(
                agent.open(self._settings.stay.lease), AGENT_TIMEOUT
            )
        except TimeoutError:
            raise NodeLostError(
                f"no agent could be started on the node {name} within"
                f" {AGENT_TIMEOUT:.0f} s"
            ) from None
        except ray.exceptions.RayError as error:
            last = str(error).strip().splitlines()[-1]
            raise ClusterError(
                f"no agent can be started on the node {name}: {safe_line(last)};"
                f" is {our_version()} installed there?"
            ) from error
        try:
            check_version(name, there, our_version())
        except ClusterError:
            # It may have another version, from an earlier installation.
            await self._blocking(lambda: self._kill(called))
            raise
        return agent

    def _actor(self, what: type, called: str, node: str, calls: int) -> Any:
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        return self._ray.remote(what).options(
            name=called,
            lifetime="detached",
            get_if_exists=True,
            num_cpus=0,
            max_concurrency=calls,
            scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(
                node, soft=False
            ),
        )

    def _calls(self, actor: Any, node: str, name: str) -> Callable[..., Awaitable[Any]]:
        """Return a function that calls the agent of a node."""
        errors = self._ray.exceptions

        async def call(method: str, *args: object) -> Any:
            while True:
                try:
                    return await getattr(actor, method).remote(*args)
                except errors.ActorUnavailableError:
                    # Temporary: the call may have been carried out, and is repeated,
                    # which is safe.
                    await asyncio.sleep(_UNAVAILABLE)
                except errors.RayActorError as error:
                    self._agents.pop(node, None)
                    raise NodeLostError(
                        f"the node {name}, or the agent on it, died while it ran there"
                    ) from error

        return call

    async def _ask_rooms(self, method: str, *args: object) -> Any:
        """Call a method of the actor that holds the room; start it if it is gone."""
        errors = self._ray.exceptions
        while True:
            async with self._making_rooms:
                if self._rooms is None:
                    self._rooms = await self._blocking(self._start_rooms)
                    if self._owner:
                        await self._rooms.own_as.remote(self._owner)
            rooms = self._rooms
            owner = (self._owner,) if self._owner else ()
            try:
                return await getattr(rooms, method).remote(*owner, *args)
            except errors.ActorUnavailableError:
                await asyncio.sleep(_UNAVAILABLE)
            except errors.RayActorError:
                if self._rooms is rooms:
                    self._rooms = None
                await asyncio.sleep(_UNAVAILABLE)

    def _start_rooms(self) -> Any:
        # On this machine: without it, no process is left that could use the room.
        node = self._ray.get_runtime_context().get_node_id()
        lease = self._settings.stay.lease
        return self._actor(Rooms, f"{self._session}/{_ROOMS}", node, 1000).remote(lease)

    def _group(self, name: str) -> Any:
        ids = importlib.import_module("ray")
        return self._groups.PlacementGroup(ids.PlacementGroupID(bytes.fromhex(name)))

    def _drop(self, name: str, group: Any) -> None:
        self._held_rooms.discard(name)
        self._groups.remove_placement_group(group)

    async def _hold_gpus(self, group: Any, count: float) -> tuple[Any, dict[str, str]]:
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        holder = (
            self._ray.remote(GpuHolder)
            .options(
                num_cpus=0,
                num_gpus=count,
                scheduling_strategy=strategies.PlacementGroupSchedulingStrategy(group),
            )
            .remote()
        )
        return holder, await asyncio.wait_for(holder.visible.remote(), AGENT_TIMEOUT)

    async def _blocking(
        self, call: Callable[[], ResultT], within: float | None = None
    ) -> ResultT:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, call)
        return await asyncio.wait_for(future, within)

    def _init(self) -> None:
        address = self._settings.address
        _reach(address)
        # A late call must not start a cluster of its own.
        os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
        try:
            ray: Any = importlib.import_module("ray")
            self._groups = importlib.import_module("ray.util.placement_group")
        except ImportError as error:
            raise ClusterError(
                f"Ray is not installed for {sys.executable} ({error}); install it:"
                f" {sys.executable} -m pip install 'backburner[ray]'"
            ) from None
        # Its warnings should not become the reason of a failed task.
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            ray.init(
                address=address,
                namespace="backburner",
                log_to_driver=False,
                configure_logging=False,
                **(
                    {"_node_ip_address": self._settings.node_address}
                    if self._settings.node_address
                    else {}
                ),
            )
        except Exception as error:  # noqa: BLE001 - of many types
            why = versions_of_ray(str(error))
            why = why or " ".join(str(error).split())[:300]
            raise ClusterError(
                f"can't join the Ray cluster at {address}: {safe_line(why)}"
            ) from None
        self._ray = ray

    def _name(self, node: str) -> str:
        return self._names.get(node, node[:8])

    def _look(self) -> tuple[Node, ...]:
        state: Any = importlib.import_module("ray._private.state")
        free = state.available_resources_per_node()
        found: list[Node] = []
        for node in self._ray.nodes():
            if not node["Alive"]:
                continue
            name = node.get("NodeName") or node["NodeManagerAddress"]
            self._names[node["NodeID"]] = name
            total = _amounts(node["Resources"])
            has = _amounts(free.get(node["NodeID"], {}))
            found.append(Node(name, total, {it: has.get(it, 0.0) for it in total}))
        return tuple(found)


def _amounts(resources: dict[str, float]) -> Amounts:
    """Return the resources that a job can need; Ray has additional ones."""
    return {
        name: float(amount)
        for name, amount in resources.items()
        if not name.startswith(("node:", "object_store_memory", "bundle_"))
        and "_group_" not in name
    }


def _reach(address: str) -> None:
    """Raise at once if nothing listens at the address: Ray would wait for minutes.

    Raises:
        ClusterError: If so.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        with contextlib.closing(
            socket.create_connection((host, int(port)), timeout=_REACH_TIMEOUT)
        ):
            pass
    except OSError as error:
        raise ClusterError(
            f"nothing answers at {address} ({error.strerror or error}); if the head of"
            " the Ray cluster is not running, start it with: ray start --head"
        ) from None
