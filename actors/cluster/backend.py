"""What the process of an engine needs of a cluster, whatever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from ..rules.nodes import Node
    from .agent import Piece, Spec
    from .wire import Amounts, Order


class ClusterError(Exception):
    """The cluster can't be used; the text says why, and what to do, in one line."""


class NodeLostError(Exception):
    """A node, or the agent on it, has died; the text says which, in one line."""


class Reservation(msgspec.Struct, frozen=True):
    """Room for one job.

    Attributes:
        node: The node, as the backend knows it.
        name: What people call it.
        handle: Whatever the backend needs to give the room back.
        variables: Environment variables for the job, such as which GPUs it has.
    """

    node: str
    name: str
    handle: object = None
    variables: dict[str, str] = {}


class AgentCalls(Protocol):
    """The agent of a node, from afar.

    Every call raises `NodeLostError` if it is gone for good.
    """

    async def start(self, spec: Spec) -> str | None:
        """See `Agent.start`."""
        ...

    async def follow(
        self, number: int, offset: int, limit: int, before: Piece
    ) -> Piece:
        """See `Agent.follow`."""
        ...

    async def receive(self, key: str, offset: int, data: bytes) -> int:
        """See `Agent.receive`."""
        ...

    async def order(self, index: int, order: Order) -> None:
        """See `Agent.order`."""
        ...

    async def stop(self, number: int) -> None:
        """See `Agent.stop`."""
        ...

    async def kill(self, number: int) -> None:
        """See `Agent.kill`."""
        ...


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

    async def close(self) -> None:
        """End all agents, with what they run."""
        ...
