"""The interface of a cluster, for the process of an engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from .lease import RENEWALS, OwnerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from ..rules.nodes import Node
    from .agent_messages import Held, Piece, Spec
    from .wire import Amounts, Intake, Order


TOGETHER: Final = 0.1
"""Seconds in which finished jobs are collected for one `forget`."""

logger = logging.getLogger(__name__)


class ClusterError(Exception):
    """The cluster can't be used; the text says why, and what to do, in one line."""


class NodeLostError(Exception):
    """A node or its agent has died; the text names it, in one line."""


class Reservation(msgspec.Struct, frozen=True):
    """Reserved room for one job.

    Attributes:
        node: The backend's id of the node.
        name: The display name of the node.
        handle: The cluster's id of the room.
        holder: An object that must live as long as this process holds the room.
        variables: Environment variables for the job, such as its GPUs.
    """

    node: str
    name: str
    handle: str = ""
    variables: dict[str, str] = {}
    holder: object = None


class AgentCalls:
    """A proxy of a node's agent, for one owner.

    Every call raises `NodeLostError` if the agent is gone for good, and `OwnerError` if
    there is a newer owner.
    """

    def __init__(self, owner: int, call: Callable[..., Awaitable[Any]]) -> None:
        self._owner = owner
        self._call = call
        self._jobs: set[str] = set()
        self._told: list[str] = []
        self._telling: asyncio.Task[None] | None = None

    async def start(self, spec: Spec, limit: int) -> str | Piece:
        """See `Agent.start`; the same applies to the methods below."""
        self._jobs.add(spec.job)
        answer: str | Piece = await self._do("start", spec, limit)
        if isinstance(answer, str):
            self._jobs.discard(spec.job)
        return answer

    async def follow(
        self, job: str, offset: int, limit: int, known: Intake | None = None
    ) -> Piece:
        """See `Agent.follow`."""
        self._jobs.add(job)
        piece: Piece = await self._do("follow", job, offset, limit, known)
        return piece

    def forget(self, job: str) -> None:
        """Make the agent forget a job. Never blocks."""
        self._jobs.discard(job)
        self._told.append(job)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._forget())

    async def _forget(self) -> None:
        with contextlib.suppress(NodeLostError, OwnerError):
            while self._told:
                await asyncio.sleep(TOGETHER)
                told, self._told = self._told, []
                await self._do("forget", told)

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        """See `Agent.receive`."""
        return int(await self._do("receive", key, offset, data))

    async def order(self, index: int, order: Order) -> None:
        """See `Agent.order`."""
        await self._do("order", index, order)

    async def stop(self, job: str) -> None:
        """See `Agent.stop`."""
        await self._do("stop", job)

    async def kill(self, job: str) -> None:
        """See `Agent.kill`."""
        await self._do("kill", job)

    async def open(self, lease: float) -> str:
        """See `NodeAgent.open`."""
        return str(await self._call("open", self._owner, lease))

    async def held(self, node: str) -> list[Held]:
        """Return the result of `NodeAgent.held`, with the backend's id of the node."""
        return [replace(it, node=node) for it in await self._call("held", self._owner)]

    async def renew(self) -> None:
        """Renew the leases of its jobs."""
        await self._call("renew", self._owner, tuple(self._jobs))

    async def close(self) -> None:
        """End all jobs of the agent."""
        if self._telling is not None:
            self._telling.cancel()
        await self._call("close", self._owner)

    async def _do(self, method: str, *args: object) -> Any:
        return await self._call("call", self._owner, method, *args)


async def renew_all(
    rooms: Awaitable[object], agents: Iterable[asyncio.Task[AgentCalls]], lease: float
) -> None:
    """Renew all leases concurrently, so that no call delays the others.

    Args:
        rooms: Renews the room.
        agents: The agents, some of which may not be connected yet.
        lease: Seconds after which anything not renewed ends.

    Raises:
        OwnerError: If another process has taken over.
    """
    reached = [
        it.result()
        for it in agents
        if it.done() and not it.cancelled() and it.exception() is None
    ]
    calls = (rooms, *(it.renew() for it in reached))
    within = lease / RENEWALS
    done = await asyncio.gather(
        *(asyncio.wait_for(it, within) for it in calls), return_exceptions=True
    )
    for problem in done:
        if isinstance(problem, OwnerError):
            raise problem
        if isinstance(problem, Exception) and not isinstance(
            problem, NodeLostError | TimeoutError
        ):
            logger.warning("A lease could not be renewed: %r", problem)


async def held_by(
    agents: Iterable[tuple[str, Awaitable[AgentCalls]]], lease: float
) -> tuple[list[Held], list[str]]:
    """Return the jobs of agents; those of an agent that does not answer soon are lost.

    The agent ends lost jobs itself, because their leases are not renewed.

    Args:
        agents: The nodes, each with its agent.
        lease: Seconds after which a job ends if its lease is not renewed.

    Returns:
        The jobs, and the reasons why those of other agents can't be adopted.

    Raises:
        OwnerError: If another process has taken over.
    """

    async def ask(node: str, reaching: Awaitable[AgentCalls]) -> list[Held]:
        return await (await reaching).held(node)

    done = await asyncio.gather(
        *(asyncio.wait_for(ask(*it), lease / 2) for it in agents),
        return_exceptions=True,
    )
    found: list[Held] = []
    problems: list[str] = []
    for held in done:
        if isinstance(held, OwnerError):
            raise held
        if isinstance(held, BaseException):
            logger.warning("The jobs of an agent can't be taken over: %r", held)
            if isinstance(held, ClusterError):
                problems.append(str(held))
        else:
            found += held
    return found, problems


class Backend(Protocol):
    """A cluster. All methods are called on one event loop."""

    async def connect(self) -> None:
        """Connect to the cluster, within a minute.

        Raises:
            ClusterError: If that fails.
        """
        ...

    async def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that are alive.

        Raises:
            ClusterError: If the cluster is gone.
        """
        ...

    async def reserve(self, needs: Amounts) -> Reservation:
        """Reserve room for a job; wait until some is free. Can be canceled."""
        ...

    async def free(self, reservation: Reservation) -> None:
        """Release room. Does nothing if its node is gone."""
        ...

    async def agent(self, node: str) -> AgentCalls:
        """Return the agent of a node; start it if there is none.

        Raises:
            NodeLostError: If it can't be started.
        """
        ...

    async def held(self) -> tuple[list[Held], list[str]]:
        """Become the owner of the session's jobs on the cluster; return them.

        Room without a job is released. Called once, after `connect`.

        Returns:
            The jobs, and the reasons why those of other agents can't be adopted.

        Raises:
            ClusterError: If the cluster is gone.
        """
        ...

    async def renew(self) -> None:
        """Renew the leases of all agents, jobs and rooms.

        Raises:
            OwnerError: If another process has taken over.
        """
        ...

    async def close(self) -> None:
        """End all agents and their jobs, and release all room."""
        ...
