"""What the process of an engine needs of a cluster of any kind."""

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
"""Seconds in which the jobs are collected that an agent is told to forget."""

logger = logging.getLogger(__name__)


class ClusterError(Exception):
    """The cluster can't be used; the text says why, and what to do, in one line."""


class NodeLostError(Exception):
    """A node, or the agent on it, has died; the text says which, in one line."""


class Reservation(msgspec.Struct, frozen=True):
    """Room for one job.

    Attributes:
        node: The node, as the backend knows it.
        name: What people call it.
        handle: What the cluster calls the room.
        holder: An object that is to live as long as the room is held by this process.
        variables: Environment variables for the job, such as which GPUs it has.
    """

    node: str
    name: str
    handle: str = ""
    variables: dict[str, str] = {}
    holder: object = None


class AgentCalls:
    """The agent of a node, from afar, for one owner.

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
        """See `Agent.start`, here and below."""
        self._jobs.add(spec.job)
        answer: str | Piece = await self._do("start", spec, limit)
        if isinstance(answer, str):
            self._jobs.discard(spec.job)
        return answer

    async def follow(
        self, job: str, offset: int, limit: int, known: Intake | None = None
    ) -> Piece:
        """See `Agent`."""
        self._jobs.add(job)
        piece: Piece = await self._do("follow", job, offset, limit, known)
        return piece

    def forget(self, job: str) -> None:
        """Tell the agent to forget a job. Never blocks."""
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
        """See `Agent`."""
        return int(await self._do("receive", key, offset, data))

    async def order(self, index: int, order: Order) -> None:
        """See `Agent`."""
        await self._do("order", index, order)

    async def stop(self, job: str) -> None:
        """See `Agent`."""
        await self._do("stop", job)

    async def kill(self, job: str) -> None:
        """See `Agent`."""
        await self._do("kill", job)

    async def open(self, lease: float) -> str:
        """See `NodeAgent`, here and below."""
        return str(await self._call("open", self._owner, lease))

    async def held(self, node: str) -> list[Held]:
        """Return what `NodeAgent.held` does, with the node as the backend knows it."""
        return [replace(it, node=node) for it in await self._call("held", self._owner)]

    async def renew(self) -> None:
        """Renew the jobs that it was given."""
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
    """Renew what is held, each by itself: one that does not answer holds up no other.

    Args:
        rooms: Renews the room.
        agents: The agents, as far as they have been reached.
        lease: Seconds for which something goes on that is not renewed.

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
            logger.warning("Something that is held could not be renewed: %r", problem)


async def held_by(
    agents: Iterable[tuple[str, Awaitable[AgentCalls]]], lease: float
) -> tuple[list[Held], list[str]]:
    """Return the jobs of agents; those of one that does not answer soon are lost.

    Their agent ends them then, since nobody renews them.

    Args:
        agents: The nodes, each with its agent.
        lease: Seconds for which a job goes on that is not renewed.

    Returns:
        The jobs, and why those of other agents can't be taken over.

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
        """Reach the cluster.

        Raises:
            ClusterError: If that can't be; within a minute.
        """
        ...

    async def nodes(self) -> tuple[Node, ...]:
        """Return the nodes that are alive.

        Raises:
            ClusterError: If the cluster is gone.
        """
        ...

    async def reserve(self, needs: Amounts) -> Reservation:
        """Reserve room for a job; wait until there is some. Can be canceled."""
        ...

    async def free(self, reservation: Reservation) -> None:
        """Give room back. Does nothing if its node is gone."""
        ...

    async def agent(self, node: str) -> AgentCalls:
        """Return the agent of a node; start it if there is none.

        Raises:
            NodeLostError: If it can't be started.
        """
        ...

    async def held(self) -> tuple[list[Held], list[str]]:
        """Become the owner of what the session has on the cluster; return its jobs.

        Room that none of them takes is given back. Called once, after `connect`.

        Returns:
            The jobs, and why those of other agents can't be taken over.

        Raises:
            ClusterError: If the cluster is gone.
        """
        ...

    async def renew(self) -> None:
        """Renew all that is held: agents, jobs and rooms.

        Raises:
            OwnerError: If another process has taken over.
        """
        ...

    async def close(self) -> None:
        """End all agents, with what they run, and give back all room."""
        ...
