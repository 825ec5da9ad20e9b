"""Fixtures for the tests of the MCP server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from host_care import HostCare

from tests.host.sessions import forked_hosts
from tests.ui.agents.agent_client import AgentClient, Connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["agent", "care", "connect", "forked_hosts", "person", "state"]


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HostCare]:
    """Mark all processes started by the test, and kill the remaining ones."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("BACKBURNER_SESSION", raising=False)
    with HostCare() as care:
        for name, value in care.environ.items():
            monkeypatch.setenv(name, value)
        yield care


@pytest.fixture
def state(tmp_path: Path, care: HostCare) -> Path:
    """Return the state directory of the test."""
    del care
    return tmp_path / "state"


@pytest.fixture
def connect(state: Path) -> Iterator[Connect]:
    """Return a function that starts servers; they are killed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda *options, **more: stack.enter_context(
            AgentClient(state, *options, **more)
        )


@pytest.fixture
def agent(connect: Connect) -> AgentClient:
    """Return a client after its handshake."""
    client = connect()
    client.initialize()
    return client


@pytest.fixture
def person(state: Path) -> Iterator[RemoteSystem]:
    """Return the same session, opened as a person's program opens it."""
    with RemoteSystem(HostSettings(directory=str(state / "main"), grace=1.0)) as it:
        yield it
