"""Fixtures: sessions in hosts of their own. A conftest imports those it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from host_care import HostCare

from tests.host.clients import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostCare]:
    """Mark all processes that are started here, and kill those that are left."""
    with HostCare() as care:
        for name, value in care.environ.items():
            monkeypatch.setenv(name, value)
        yield care


@pytest.fixture
def settings(tmp_path: Path, care: HostCare) -> HostSettings:
    """Return the settings of a host of a session that does not exist yet."""
    del care
    return HostSettings(directory=str(tmp_path / "state" / "main"), grace=1.0)


@pytest.fixture
def events() -> Heard:
    """Return what hears of the connection."""
    return Heard()


@pytest.fixture
def session(settings: HostSettings, events: Heard) -> Iterator[RemoteSystem]:
    """Return a session in a host of its own."""
    with RemoteSystem(settings, events=events) as system:
        yield system
