"""A process that another program started, so it is no child of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, TypeAlias

import psutil
import pytest
from backburner.actors.processes import proc
from backburner.actors.processes.adopted import AdoptedProcess
from backburner.actors.processes.child import ExitStatus
from backburner.actors.processes.exit_notes import ExitNotes
from backburner.actors.rules.process_record import StartedProcess
from conditions import until
from kernel import TELLS_EXITS
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    StartParent: TypeAlias = "Callable[[str], _Parent]"

# Starts a process, prints its id, and reaps it on request.
_PARENT: Final = """
import os, subprocess, sys
child = subprocess.Popen(["bash", "-c", sys.argv[1]], start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read(1)
child.wait()
print("collected", flush=True)
sys.stdin.read()
"""


class _Parent:
    def __init__(self, command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PARENT, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.pid = int(self.process.stdout.readline())

    def adopted(self, exits: ExitNotes | None = None) -> AdoptedProcess:
        return AdoptedProcess(_started(self.pid), None, exits or ExitNotes())

    def collect(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("x")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "collected\n"


def _started(pid: int) -> StartedProcess:
    found = proc.stat(pid)
    assert found is not None
    return StartedProcess(pid, found.born, found.born)


@pytest.fixture
def parent() -> Iterator[StartParent]:
    """Return a function that starts a child of another process."""
    parents: list[_Parent] = []

    def start(command: str) -> _Parent:
        parents.append(_Parent(command))
        return parents[-1]

    yield start
    for it in parents:
        with psutil.Process(it.process.pid).oneshot():
            for child in psutil.Process(it.process.pid).children():
                child.kill()
        it.process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("exit 0", ExitStatus(0)),
        ("exit 7", ExitStatus(7)),
        ("kill -9 $$", ExitStatus(signal=9)),
    ],
)
def test_a_zombie_has_an_exit_status(
    parent: StartParent, command: str, status: ExitStatus
) -> None:
    process = parent(command).adopted()
    until(lambda: process.exit_status() is not None)
    assert process.exit_status() == status
    process.reap()


def test_a_doubtful_process_has_an_exit_status_only_if_it_runs_the_command(
    parent: StartParent, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    command = f"while ! [ -e {go_on} ]; do sleep 0.01; done; exit 0"
    started = _started(parent(command).pid)
    process = AdoptedProcess(started, None, ExitNotes(), in_doubt=True)
    until(lambda: process.runs(["bash", "-c", command]))  # once the program is loaded
    assert not process.runs(["bash", "-c", f"{command} "])
    assert process.exit_status() is None
    go_on.touch()
    until(lambda: process.exit_status() is not None)
    end = process.exit_status()
    assert end is not None
    assert end.code is end.signal is None
    assert "just as it started" in end.unknown
    assert not process.runs(["bash", "-c", command])


def test_an_adopted_process_gets_signals_and_ends(
    parent: StartParent, tmp_path: Path
) -> None:
    set_up = tmp_path / "set"
    command = f"trap 'exit 3' TERM; touch {set_up}; while :; do sleep 0.01; done"
    process = parent(command).adopted()
    until(set_up.exists)
    assert process.exit_status() is None
    assert process.leads
    process.give_way()
    process.signal_group(signal.SIGTERM)
    until(lambda: process.exit_status() is not None)
    assert process.exit_status() == ExitStatus(3)


def test_a_reaped_exit_status_comes_from_the_notes_or_the_kernel(
    parent: StartParent, tmp_path: Path
) -> None:
    started = parent("sleep 0.1; exit 5")
    noted, held = ExitNotes(tmp_path / "exits"), started.adopted()
    process = started.adopted(noted)
    line = f"{proc.boot_id()} {started.pid} {process.process.earliest} {5 << 8}\n"
    (tmp_path / "exits").write_text(line)
    (tmp_path / "exits").chmod(0o600)
    started.collect()
    assert process.exit_status() == ExitStatus(5)
    end = held.exit_status()
    # Linux reports it since 6.15.
    assert end == ExitStatus(5) or (end is not None and "nothing" in end.unknown)


def test_an_unrecorded_exit_status_is_unknown_with_the_reason(
    parent: StartParent,
) -> None:
    started = parent("exit 5")
    identity = _started(started.pid)
    started.collect()
    process = AdoptedProcess(identity, None, ExitNotes())
    end = process.exit_status()
    assert end is not None
    assert end.outcome().reason == (
        "its exit status is unknown: it ended while the session had no host, and"
        " its exit was not recorded"
    )
    assert AdoptedProcess(identity, 512, ExitNotes()).exit_status() == ExitStatus(2)


@pytest.mark.skipif(not TELLS_EXITS, reason="it takes Linux 6.15")
def test_an_exit_status_reaped_before_adoption_goes_to_the_holder(
    parent: StartParent, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    started = parent(f"while ! [ -e {go_on} ]; do sleep 0.01; done; exit 5")
    identity, exits = _started(started.pid), ExitNotes()
    other = StartedProcess(identity.pid, identity.earliest + 1, identity.latest + 1)
    exits.hold([identity, other])
    exits.hold([identity, other])
    go_on.touch()
    started.collect()
    assert exits.take(other) is None
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    process = AdoptedProcess(identity, None, exits)
    assert process.exit_status() == ExitStatus(5)
    assert not process.leads
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208 - the same


def test_held_processes_that_are_not_adopted_are_released(parent: StartParent) -> None:
    exits, identity = ExitNotes(), _started(parent("exec sleep 600").pid)
    between = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough
    exits.hold([identity])
    assert len(os.listdir("/proc/self/fd")) == between + 1  # noqa: PTH208 - the same
    exits.hold([])
    assert exits.take(identity) is None
    assert len(os.listdir("/proc/self/fd")) == between  # noqa: PTH208 - the same


@pytest.mark.parametrize("away", [-1, 1])
def test_a_process_with_a_reused_id_is_not_adopted(
    parent: StartParent, away: int
) -> None:
    other = parent("exec sleep 600")
    born = _started(other.pid).earliest + away
    process = AdoptedProcess(StartedProcess(other.pid, born, born), None, ExitNotes())
    assert process.exit_status() is not None
    assert not process.leads
    process.signal_group(signal.SIGKILL)
    process.give_way()
    process.reap()
    assert psutil.Process(other.pid).is_running()
    assert psutil.Process(other.pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may see any")
def test_the_status_of_a_zombie_of_another_user_is_ignored() -> None:
    assert proc.status_of_zombie(1) is None
