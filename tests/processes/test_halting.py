"""Stopping a process tree that keeps growing."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from backburner.actors.processes import halting
from backburner.actors.processes.ending import INTERVAL
from backburner.actors.processes.halting import FASTER, SLOW, HaltRounds
from backburner.actors.processes.handle import Process
from conditions import until

Start = Callable[..., Process]


def _false(_: object) -> bool:
    return False


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts programs; they are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> Process:
        started.append(subprocess.Popen(argv, start_new_session=True))
        found = Process.find(started[-1].pid)
        assert found is not None
        return found

    yield start
    for process in started:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def test_processes_started_during_a_search_are_stopped(start: Start) -> None:
    """New processes are looked up alone, at once, however long the search takes."""
    script = "trap 'sleep 600 & sleep 600 &' USR1; sleep 600 & while :; do wait; done"
    parent = start("bash", "-c", script)
    listed = psutil.Process(parent.pid)
    until(lambda: _traps(parent.pid) and len(listed.children()) == 1)
    before = {*listed.children()}

    def search() -> list[Process]:
        if len(listed.children()) == 1:
            parent.send(signal.SIGUSR1)
            until(lambda: len(listed.children()) == 3)
        return [parent]

    HaltRounds(search, _false, _false, signal.SIGSTOP).next_round()

    new = {*listed.children()} - before
    assert len(new) == 2
    for process in (listed, *new):
        until(lambda it=process: it.status() == psutil.STATUS_STOPPED)


def test_rounds_continue_while_new_processes_are_found(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "ROUNDS", 8)
    listed: list[Process] = []
    grows = True

    def search() -> list[Process]:
        if grows:
            listed.append(start("sleep", "600"))
        return listed

    rounds = HaltRounds(search, _false, _false, signal.SIGSTOP)
    turns = [(rounds.next_round(), rounds.problem) for _ in range(3)]
    grows = False
    last = (rounds.next_round(), rounds.problem)

    assert turns == [(INTERVAL, None), (INTERVAL, None), (SLOW, FASTER)]
    assert last == (None, None)
    for process in map(psutil.Process, [it.pid for it in listed]):
        until(lambda it=process: it.status() == psutil.STATUS_STOPPED)


def _traps(pid: int) -> bool:
    """Return whether a process handles SIGUSR1."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (caught,) = [it for it in status.splitlines() if it.startswith("SigCgt:")]
    return bool(int(caught.split()[1], 16) & 1 << (signal.SIGUSR1 - 1))
