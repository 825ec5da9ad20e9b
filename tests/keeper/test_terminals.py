"""Terminals and inputs of jobs outlive the host, and its keeper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Notification, Task, TaskChanged, TaskEvent, Terms
from backburner.actors.host import starting
from backburner.actors.host.events import HostBack
from backburner.actors.testing import Recorder
from conditions import until
from patience import PATIENCE

from tests.host.clients import Heard, kill_named, until_back

from .test_keeper import keeper_of

if TYPE_CHECKING:
    from backburner.actors.host.remote import RemoteSystem
    from backburner.actors.host.settings import HostSettings


def _output(task: Task) -> bytes:
    assert task.output_path is not None
    path = Path(task.output_path)
    return path.read_bytes() if path.exists() else b""


def _lose(session: RemoteSystem, events: Heard, process: str) -> None:
    before = session.welcome.pid
    kill_named(session, process)
    until_back(events, before, session)
    if process == "keeper":
        assert keeper_of(session).pid == before


@pytest.mark.parametrize("lost", ["host", "keeper"])
def test_terminals_outlive_killed_processes(
    session: RemoteSystem, events: Heard, lost: str
) -> None:
    command = "echo ready; while read x; do echo got $x $(stty size); done"
    terminal = session.add("Job", "bash", command, terms=Terms(input="terminal"))
    pipe = session.add("Job", "bash", "cat", terms=Terms(input="pipe"))
    flood = session.add("Job", "bash", "seq 300000", terms=Terms(input="terminal"))
    # The output was printed after the start was recorded.
    until(lambda: b"ready" in _output(terminal) and b"1\r\n" in _output(flood))
    for number in range(2):
        _lose(session, events, lost)
        session.resize_terminal(terminal.id, 90 + number, 30)
        session.send_input(terminal.id, f"it{number}\r")
        session.send_input(pipe.id, f"line {number}\n")
        until(lambda: b"got it%d 30 9%d\r\n" % (number, number) in _output(terminal))  # noqa: B023
    session.send_input(pipe.id, end=True)
    session.send_input(terminal.id, end=True)
    ended = session.wait(terminal.id, pipe.id, flood.id, timeout=PATIENCE)
    assert [it.reason for it in ended] == ["exit status 0"] * 3
    assert ended[0].figures is not None
    assert ended[0].figures.terminal == (91, 30)
    assert _output(pipe) == b"line 0\nline 1\n"
    # No byte is missing, and none is repeated unless the host was killed just after it
    # had read it.
    lines = _output(flood).split(b"\r\n")
    assert lines[0] == b"1"
    assert lines[-2] == b"300000"


@pytest.mark.parametrize("lost", ["host", "keeper"])
def test_waiting_for_input_outlives_the_host(
    session: RemoteSystem, events: Heard, lost: str
) -> None:
    news: Recorder[Notification] = Recorder()
    session.subscribe(news)
    command = "read x; echo got $x; read y; sleep 600"
    task = session.add("Job", "bash", command, terms=Terms(input="terminal"))
    other = session.add("Job", "bash", "read x; exit", terms=Terms(input="terminal"))
    until(lambda: session.get(task.id).awaits_input)
    until(lambda: session.get(other.id).awaits_input)
    _lose(session, events, lost)
    assert session.get(other.id).awaits_input
    session.send_input(task.id, "one\r")
    until(lambda: session.get(task.id).last_line == "got one")
    until(lambda: session.get(task.id).awaits_input)
    session.send_input(task.id, "two\r")
    until(lambda: not session.get(task.id).awaits_input)
    assert session.get(other.id).awaits_input
    waiting = [it.task.id for it in news.of(TaskChanged) if it.event is TaskEvent.INPUT]
    assert waiting.count(other.id) == 1


def test_a_terminal_outlives_a_restart(
    session: RemoteSystem, settings: HostSettings, events: Heard
) -> None:
    task = session.add("Job", "bash", "echo on; cat", terms=Terms(input="terminal"))
    until(lambda: b"on" in _output(task))
    before = session.welcome.pid
    starting.restart(settings).sock.close()
    events.wait_for(HostBack, lambda _: session.welcome.pid != before)
    session.send_input(task.id, "still\r")
    until(lambda: _output(task).endswith(b"still\r\nstill\r\n"))
    session.send_input(task.id, end=True)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.reason == "exit status 0"
