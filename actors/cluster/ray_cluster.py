"""A Ray cluster. This module alone uses Ray, in the engine's process and on nodes.

Ray replaces signal handlers, and ends its whole process when the control store of the
cluster is gone: nothing of a session runs in that process.
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

from ..processes.warden import start_warden
from ..rules.nodes import Node
from ..rules.safe_text import safe_line
from .agent import NOTHING, Agent
from .backend import ClusterError, NodeLostError, Reservation
from .versions import check_version, our_version, versions_of_ray

if TYPE_CHECKING:
    from collections.abc import Callable

    from .agent import Piece, Spec
    from .ray_settings import RaySettings
    from .wire import Amounts, Order

CONNECT_TIMEOUT: Final = 45.0
"""Seconds within which the cluster has to answer."""

AGENT_TIMEOUT: Final = 90.0
"""Seconds within which an agent has to start on a node."""

CALL_TIMEOUT: Final = 30.0
"""Seconds within which the control store has to answer."""

_REACH_TIMEOUT: Final = 5.0
_WAIT: Final = 1.0  # seconds of one wait for a reservation, between looks at a cancel
_UNAVAILABLE: Final = 0.5
_THREADS: Final = 64
_OWN: Final = ("RAY_", "OMP_NUM_THREADS", "PYTHONBREAKPOINT")
"""How the variables of a Ray worker begin that no job is to see."""

ResultT = TypeVar("ResultT")


class NodeAgent:
    """What Ray runs as an actor on each node: an `Agent`, and its warden."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._agent: Agent | None = None

    async def open(self) -> str:
        """Be ready for jobs; return the version of the program here."""
        if self._agent is None:
            base = {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}
            # Held as long as this process lives.
            self._warden = await asyncio.to_thread(start_warden, self._key)
            self._agent = Agent(self._key, base)
        return our_version()

    async def start(self, spec: Spec) -> str | None:
        """See `Agent`, here and below."""
        return await self._opened().start(spec)

    async def follow(
        self, number: int, offset: int, limit: int, before: Piece = NOTHING
    ) -> Piece:
        """See `Agent`."""
        return await self._opened().follow(number, offset, limit, before)

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        """See `Agent`."""
        return await self._opened().receive(key, offset, data)

    async def order(self, index: int, order: Order) -> None:
        """See `Agent`."""
        await self._opened().order(index, order)

    async def stop(self, number: int) -> None:
        """See `Agent`."""
        await self._opened().stop(number)

    async def kill(self, number: int) -> None:
        """See `Agent`."""
        await self._opened().kill(number)

    def _opened(self) -> Agent:
        if self._agent is None:
            raise RuntimeError("the agent is not open")
        return self._agent


class GpuHolder:
    """What Ray runs in a reservation with GPUs, so that it says which ones they are."""

    def visible(self) -> dict[str, str]:
        """Return the variables by which programs find these GPUs alone."""
        names = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
        return {name: os.environ[name] for name in names if name in os.environ}


class _Calls:
    """Calls of the agent of one node."""

    def __init__(
        self,
        ray: Any,
        actor: Any,
        name: str,
        lost: Callable[[], None],
    ) -> None:
        self._ray = ray
        self._actor = actor
        self._name = name
        self._lost = lost

    async def start(self, spec: Spec) -> str | None:
        return await self.call("start", spec)

    async def follow(
        self, number: int, offset: int, limit: int, before: Piece = NOTHING
    ) -> Piece:
        return await self.call("follow", number, offset, limit, before)

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        return await self.call("receive", key, offset, data)

    async def order(self, index: int, order: Order) -> None:
        await self.call("order", index, order)

    async def stop(self, number: int) -> None:
        await self.call("stop", number)

    async def kill(self, number: int) -> None:
        await self.call("kill", number)

    async def call(self, method: str, *args: object) -> Any:
        errors = self._ray.exceptions
        while True:
            try:
                return await getattr(self._actor, method).remote(*args)
            except errors.ActorUnavailableError:
                # Not final: what it was asked for may have been done, and is asked
                # for again; that changes nothing.
                await asyncio.sleep(_UNAVAILABLE)
            except errors.RayActorError as error:
                self._lost()
                raise NodeLostError(
                    f"the node {self._name}, or the agent on it, died while it ran"
                    " there"
                ) from error


class RayCluster:
    """A Ray cluster that exists; see `Backend`.

    Args:
        settings: How it is reached.
    """

    def __init__(self, settings: RaySettings) -> None:
        self._settings = settings
        self._ray: Any = None
        self._groups: Any = None
        self._agents: dict[str, asyncio.Task[_Calls]] = {}
        self._names: dict[str, str] = {}
        # Calls to the control store block.
        self._threads = ThreadPoolExecutor(_THREADS, "backburner-ray")

    async def connect(self) -> None:
        """Reach the cluster."""
        address = self._settings.address
        try:
            await self._blocking(self._init, within=CONNECT_TIMEOUT)
        except TimeoutError:
            raise ClusterError(
                f"the Ray cluster at {address} did not answer within"
                f" {CONNECT_TIMEOUT:.0f} s; look at it by: ray status"
            ) from None

    async def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that are alive, as the control store knows them."""
        try:
            return await self._blocking(self._look, within=CALL_TIMEOUT)
        except TimeoutError:
            raise ClusterError(
                f"the control store of the Ray cluster at {self._settings.address} did"
                f" not answer within {CALL_TIMEOUT:.0f} s"
            ) from None

    async def reserve(self, needs: Amounts) -> Reservation:
        """Make a placement group of one bundle, and wait until it has its node."""
        made = self._groups.placement_group
        group = await self._blocking(
            lambda: made([needs], strategy="PACK"), within=CALL_TIMEOUT
        )
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
            self._threads.submit(self._groups.remove_placement_group, group)
            raise
        return Reservation(node, self._name(node), (group, holder), variables)

    async def free(self, reservation: Reservation) -> None:
        """Remove the placement group."""
        group, _ = reservation.handle  # type: ignore[misc]
        await self._blocking(lambda: self._groups.remove_placement_group(group))

    async def agent(self, node: str) -> _Calls:
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
        """Leave the cluster, which ends all agents, and with them their jobs."""
        if self._ray is not None:
            await self._blocking(self._ray.shutdown)

    async def _start_agent(self, node: str) -> _Calls:
        ray, name = self._ray, self._name(node)
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        key = f"ray-{uuid.uuid4().hex[:12]}"
        actor = (
            ray.remote(NodeAgent)
            .options(
                num_cpus=0,
                max_concurrency=10_000,
                scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(
                    node, soft=False
                ),
            )
            .remote(key)
        )
        calls = _Calls(ray, actor, name, lambda: self._agents.pop(node, None) and None)
        try:
            there = await asyncio.wait_for(calls.call("open"), AGENT_TIMEOUT)
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
        check_version(name, there, our_version())
        return calls

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
        try:
            ray: Any = importlib.import_module("ray")
            self._groups = importlib.import_module("ray.util.placement_group")
        except ImportError as error:
            raise ClusterError(
                f"Ray is not installed for {sys.executable} ({error}); install it:"
                f" {sys.executable} -m pip install 'backburner[ray]'"
            ) from None
        # What it warns of becomes the reason of nobody's failure.
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
    """Return the resources that a job can need; Ray has more of its own."""
    return {
        name: float(amount)
        for name, amount in resources.items()
        if not name.startswith(("node:", "object_store_memory", "bundle_"))
        and "_group_" not in name
    }


def _reach(address: str) -> None:
    """Say at once if nobody is there: Ray itself would wait for minutes.

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
            f"nobody answers at {address} ({error.strerror or error}); is the head of"
            " the Ray cluster there? It is started by: ray start --head"
        ) from None
