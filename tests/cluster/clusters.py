"""The engines used by the tests of this room."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors.cluster.lease import LEASE
from backburner.actors.cluster.ray_settings import RaySettings, Shipping, Stay
from backburner.actors.cluster.remote import RemoteEngine

from tests.cluster.fake_cluster import FakeEngine, FakeSettings

if TYPE_CHECKING:
    from backburner.actors.kinds import Engine

ENGINES: Final = ("local", "fake", pytest.param("ray", marks=pytest.mark.cluster))

ADDRESS: Final = "BACKBURNER_TEST_RAY"
"""The environment variable with the address of the cluster of `make test-cluster`."""


class Kept:
    """An engine that several systems of the tests share."""

    takes_input = can_pause = True

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        self.slots = engine.slots
        self.start = engine.start

    def close(self) -> None:
        """Do nothing; the module's fixture closes the engine."""


def fake_engine(problem: str = "", **nodes: float) -> RemoteEngine:
    """Make an engine with these CPUs per node; by default one node with 4."""
    has = {name: {"CPU": cpus} for name, cpus in (nodes or {"node-1": 4.0}).items()}
    return FakeEngine(FakeSettings(nodes=has, problem=problem))


def ray_engine(shipping: Shipping | None = None, lease: float = LEASE) -> RemoteEngine:
    """Make an engine of the running Ray cluster."""
    address = os.environ[ADDRESS]
    node = address.partition(":")[0]
    settings = RaySettings(address, node, shipping or Shipping(), Stay(lease=lease))
    return RemoteEngine("ray", settings)


def outlived_by(name: str, path: str, lease: float = LEASE) -> RemoteEngine:
    """Make an engine whose cluster outlives the engine process.

    Args:
        name: Which.
        path: The socket of a cluster that is simulated; another one for each test.
        lease: Seconds for which jobs go on without an owner.
    """
    if name == "ray":
        return ray_engine(lease=lease)
    nodes = {"node-1": {"CPU": 2.0}, "node-2": {"CPU": 2.0}}
    return FakeEngine(FakeSettings(nodes=nodes, stay=Stay(lease=lease), path=path))


def make_engine(name: str) -> Engine | None:
    """Make an engine; None for this machine."""
    if name == "local":
        return None
    if name == "ray":
        return ray_engine()
    has = {"CPU": 4.0, "memory": float(1 << 30)}
    return FakeEngine(FakeSettings(nodes={"node-1": has}))
