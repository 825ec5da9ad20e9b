"""A host killed before the process of a task exists; the next host starts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import Terms
from backburner.actors.host.remote import RemoteSystem
from patience import PATIENCE

from tests.host.clients import Heard, until_back

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backburner.actors.host.settings import HostSettings
    from backburner.actors.rules.terms import Input

HAS_NUMBERS: Final = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 12)

_DIES: Final = """
import os, signal, sys
if "backburner.actors.host" in sys.orig_argv:
    def dying(call):
        def called(*args, **named):
            try:
                os.unlink(os.environ["TEST_DIES"])
            except FileNotFoundError:
                return call(*args, **named)
            os.kill(os.getpid(), signal.SIGKILL)
        return called
    if os.environ["TEST_DIES_BEFORE"] == "process":
        from backburner.actors.processes import spawn
        way = type(spawn.best())
        way.__call__ = dying(way.__call__)
    else:
        from backburner.actors.kinds.process import ProcessKind
        ProcessKind.start = dying(ProcessKind.start)
"""


@pytest.fixture(
    params=[
        pytest.param(
            "process",
            marks=pytest.mark.skipif(not HAS_NUMBERS, reason="needs Linux 6.12"),
        ),
        "start",
    ]
)
def dies(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a file that kills a host which is about to start a process.

    Either before the start has begun, or when all is made but the process.
    """
    (tmp_path / "sitecustomize.py").write_text(_DIES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TEST_DIES", str(tmp_path / "dies"))
    monkeypatch.setenv("TEST_DIES_BEFORE", request.param)
    return tmp_path / "dies"


@pytest.fixture
def session(
    dies: Path, settings: HostSettings, events: Heard
) -> Iterator[RemoteSystem]:
    """Return a session whose host may be killed like that."""
    del dies
    with RemoteSystem(settings, events=events) as system:
        yield system


@pytest.mark.parametrize("kind", ["terminal", "pipe", None])
def test_a_task_without_a_process_is_started(
    session: RemoteSystem, dies: Path, events: Heard, tmp_path: Path, kind: Input | None
) -> None:
    before, ran = session.welcome.pid, tmp_path / "ran"
    session.pause()
    terms = None if kind is None else Terms(input=kind)
    task = session.add("Job", "bash", f"echo ran >> {ran}; exit 7", terms=terms)
    dies.touch()
    session.resume()
    until_back(events, before, session)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 7, ended.reason
    assert ran.read_text() == "ran\n"


@pytest.mark.parametrize("kind", ["terminal", None])
def test_a_later_attempt_without_a_process_is_made(
    session: RemoteSystem, dies: Path, events: Heard, tmp_path: Path, kind: Input | None
) -> None:
    before, ran = session.welcome.pid, tmp_path / "ran"
    # Processes of the first attempt have the task's mark too.
    first = f"[ -e {ran} ] || first=1; echo ran >> {ran}"
    leaves = f"touch {dies}; setsid sleep 600 & exit 3"
    command = f"{first}; [ $first ] && {{ {leaves}; }}"
    terms = Terms(retries=1, retry_delay=0.01, input=kind)
    task = session.add("Job", "bash", f"{command}; exit 7", terms=terms)
    until_back(events, before, session)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 7, ended.reason
    assert "attempt 2 of 2" in ended.reason
    assert ran.read_text() == "ran\nran\n"
