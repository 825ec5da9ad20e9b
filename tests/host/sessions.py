"""Fixtures: sessions in hosts of their own. A conftest imports those it needs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host import launch
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from host_care import HostCare
from template import template

from tests.host.clients import Heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forked_program import ForkedProgram


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostCare]:
    """Mark all processes started here, and kill the remaining ones."""
    with HostCare() as care:
        for name, value in care.environ.items():
            monkeypatch.setenv(name, value)
        yield care


@pytest.fixture(autouse=True)
def forked_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork hosts; modules that test the start of a host override this fixture."""
    monkeypatch.setattr(launch, "os", template().for_hosts())


@pytest.fixture
def settings(tmp_path: Path, care: HostCare) -> HostSettings:
    """Return the settings of a host whose session doesn't exist yet."""
    del care
    return HostSettings(directory=str(tmp_path / "state" / "main"), grace=1.0)


@pytest.fixture
def events() -> Heard:
    """Return a recorder of connection events."""
    return Heard()


@pytest.fixture
def session(settings: HostSettings, events: Heard) -> Iterator[RemoteSystem]:
    """Return a session in a host of its own."""
    with RemoteSystem(settings, events=events) as system:
        yield system


class Shell:
    """Runs `backburner` in a session of its own."""

    def __init__(self, state: Path, program: ForkedProgram) -> None:
        self.state = state
        self.command = [sys.executable, "-m", "backburner"]
        self._program = program

    def __call__(
        self, verb: str, *words: str, stdout: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self._program(verb, "--state-dir", self.state, *words, stdout=stdout)

    def line(self, verb: str, *words: str) -> list[str]:
        """Return the command line of a verb."""
        return [*self.command, verb, "--state-dir", str(self.state), *words]

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """Start a verb whose output and errors are read by the test."""
        return subprocess.Popen(
            self.line(verb, *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def shell(tmp_path: Path, care: HostCare, forked_program: ForkedProgram) -> Shell:
    """Return a runner of `backburner` in a session of its own."""
    del care
    return Shell(tmp_path / "state", forked_program)
