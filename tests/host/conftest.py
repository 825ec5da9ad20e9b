"""What the tests of the host share: its processes, and sessions in them."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from patience import PATIENCE

from tests.faults.program import TAG, tagged
from tests.host.clients import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def tag(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Mark all processes that are started here, and kill those that are left."""
    tag = uuid.uuid4().hex
    monkeypatch.setenv(TAG, tag)
    yield tag
    while left := tagged(tag):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=PATIENCE)


@pytest.fixture
def settings(tmp_path: Path, tag: str) -> HostSettings:
    """Return the settings of a host of a session that does not exist yet."""
    del tag
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
