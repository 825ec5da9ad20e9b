"""The settings of a Ray cluster and its engine."""

from __future__ import annotations

from typing import Final

import msgspec

from .lease import LEASE

SEND: Final = "BACKBURNER_SEND"
"""The environment variable that names further variables to send with a job."""


class Shipping(msgspec.Struct, frozen=True):
    """The files that are copied with a task that requests its directory.

    Attributes:
        limit: Maximum bytes of all files together.
        leave_out: Patterns of names and paths to leave out, besides the default ones.
    """

    limit: int = 100 << 20
    leave_out: tuple[str, ...] = ()


class Stay(msgspec.Struct, frozen=True):
    """The treatment of jobs whose session is gone.

    Attributes:
        owner: The unique name of the session on the cluster.
        lease: Seconds that a job continues if no process of its session renews it.
        stays: Whether jobs continue for that time when the session disappears without
            ending; otherwise they end at once.
    """

    owner: str = ""
    lease: float = LEASE
    stays: bool = False


class RaySettings(msgspec.Struct, frozen=True):
    """The settings of a Ray cluster for the engine's process.

    Attributes:
        address: `auto` for the cluster of this machine, or `HOST:PORT` of its head.
        node_address: The address of the node on this machine, if there are several.
        shipping: The files copied with tasks.
        stay: The treatment of jobs whose session is gone.
    """

    address: str = "auto"
    node_address: str = ""
    shipping: Shipping = Shipping()
    stay: Stay = Stay()


class ClusterSettings(msgspec.Struct, frozen=True):
    """The settings of a session's cluster.

    Attributes:
        address: See `RaySettings`.
        python: The Python that has Ray; empty for the one that runs this program.
        environment: Names of environment variables to send with jobs, besides the
            default ones.
        slots: Maximum number of concurrent jobs, including those that wait on the
            cluster.
        shipping: The files copied with tasks.
        lease: Seconds that a job continues if no process of its session renews it.
    """

    address: str = "auto"
    python: str = ""
    environment: tuple[str, ...] = ()
    slots: int = 1000
    shipping: Shipping = Shipping()
    lease: float = LEASE
