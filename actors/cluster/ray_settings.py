"""How the Ray cluster is reached, and what its engine is told."""

from __future__ import annotations

from typing import Final

import msgspec

from .lease import LEASE

SEND: Final = "BACKBURNER_SEND"
"""The environment variable that names those a job takes along, separated by commas."""


class Shipping(msgspec.Struct, frozen=True):
    """What of a directory travels with a task that asks for that.

    Attributes:
        limit: How many bytes its files may have together.
        leave_out: Patterns of names and paths that stay, besides those that always do.
    """

    limit: int = 100 << 20
    leave_out: tuple[str, ...] = ()


class Stay(msgspec.Struct, frozen=True):
    """What becomes of jobs whose session is gone.

    Attributes:
        owner: What the session is called on the cluster, unlike any other.
        lease: Seconds for which a job goes on that no process of its session renews.
        stays: Whether jobs go on for as long when the session has not said that it
            ends; else they end at once.
    """

    owner: str = ""
    lease: float = LEASE
    stays: bool = False


class RaySettings(msgspec.Struct, frozen=True):
    """How a Ray cluster is reached.

    Attributes:
        address: `auto` for the one this machine belongs to, or `HOST:PORT` of its head.
        node_address: The address of the node on this machine, if there are several.
        shipping: What travels of directories.
        stay: What becomes of jobs whose session is gone.
    """

    address: str = "auto"
    node_address: str = ""
    shipping: Shipping = Shipping()
    stay: Stay = Stay()


class ClusterSettings(msgspec.Struct, frozen=True):
    """The cluster of a session.

    Attributes:
        address: See `RaySettings`.
        python: The Python that has Ray; empty for the one that runs this program.
        environment: Names of the environment variables that jobs take along, besides
            those that always travel.
        slots: How many jobs it is given at a time.
        shipping: What travels of directories.
        lease: Seconds for which a job goes on that no process of its session renews.
    """

    address: str = "auto"
    python: str = ""
    environment: tuple[str, ...] = ()
    slots: int = 1000
    shipping: Shipping = Shipping()
    lease: float = LEASE
