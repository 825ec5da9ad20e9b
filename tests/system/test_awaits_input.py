"""A session that reports which of its tasks wait for input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    Notification,
    QueueReply,
    Refused,
    ResizeTerminal,
    Subscribe,
    TaskChanged,
    TaskEvent,
    TaskSystem,
    Terms,
)
from backburner.actors.testing import Recorder
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMINAL = Terms(input="terminal")

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/syscall").exists(),
    reason="the kernel does not say in which call a process is",
)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[TaskSystem]:
    with TaskSystem(directory=tmp_path / "session", grace=0.5) as system:
        yield system


def _events(recorder: Recorder[Notification], event: TaskEvent) -> list[TaskChanged]:
    return [
        it
        for it in recorder.received
        if isinstance(it, TaskChanged) and it.event is event
    ]


def test_waiting_for_input_is_announced_once(system: TaskSystem) -> None:
    news: Recorder[Notification] = Recorder()
    system.subscribe(news)
    command = "read -p 'Name: ' x; read -p 'Age: ' y; sleep 600"
    task = system.add("Job", "bash", command, terms=TERMINAL)
    until(lambda: system.get(task.id).awaits_input)
    now = system.get(task.id)
    assert (now.status, now.reason) == ("running", "waits for input")
    system.send_input(task.id, "x\r")
    until(lambda: len(_events(news, TaskEvent.INPUT)) == 2)
    system.send_input(task.id, "1\r")
    until(lambda: not system.get(task.id).awaits_input)
    assert system.get(task.id).reason == "running"
    lines = [it.task.last_line for it in _events(news, TaskEvent.INPUT)]
    assert lines == ["Name:", "Age:"]


def test_an_ended_task_does_not_wait_for_input(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "cat", terms=TERMINAL)
    until(lambda: system.get(task.id).awaits_input)
    system.cancel(task.id)
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert not ended.awaits_input


def test_waiting_for_input_is_not_announced_while_a_client_is_attached(
    system: TaskSystem,
) -> None:
    news: Recorder[Notification] = Recorder()
    system.subscribe(news)
    # Output is noticed before the check whether the task waits.
    command = "read x; echo one; cat"
    task = system.add("Job", "bash", command, terms=TERMINAL)
    until(lambda: system.get(task.id).awaits_input)
    view: Recorder[Notification] = Recorder()
    system.queue.tell(Subscribe(view, terminal=task.id))
    until(lambda: not system.get(task.id).awaits_input)
    system.send_input(task.id, "\r")
    other = system.add("Other", "bash", "cat", terms=TERMINAL)
    until(lambda: system.get(task.id).last_line == "one")
    until(lambda: system.get(other.id).awaits_input)  # a second later
    assert not system.get(task.id).awaits_input
    system.unsubscribe(view)
    until(lambda: system.get(task.id).awaits_input)
    mine = [it for it in _events(news, TaskEvent.INPUT) if it.task.id == task.id]
    assert len(mine) == 1


def test_a_paused_task_does_not_wait_for_input(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "cat", terms=TERMINAL)
    until(lambda: system.get(task.id).awaits_input)
    system.pause_task(task.id)
    until(lambda: not system.get(task.id).awaits_input)
    assert system.get(task.id).reason == "paused"
    system.resume_task(task.id)
    until(lambda: system.get(task.id).awaits_input)


def test_a_task_without_a_terminal_does_not_wait_for_input(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "read x < /dev/tty && echo asked")
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status == "failed"
    assert "/dev/tty" in (ended.last_line or "")


def test_a_terminal_that_is_in_use_keeps_its_size(system: TaskSystem) -> None:
    command = "while stty size; do sleep 0.05; done"
    task = system.add("Job", "bash", command, terms=TERMINAL)
    view: Recorder[Notification] = Recorder()
    answers: Recorder[QueueReply] = Recorder()
    until(lambda: system.get(task.id).status == "running")
    system.queue.tell(Subscribe(view, terminal=task.id))
    for columns, if_free in ((70, True), (60, False)):
        size = ResizeTerminal(task.id, columns, 20, answers, if_free=if_free)
        system.queue.tell(size)
    answers.wait_for(Acknowledged)
    (refused,) = answers.of(Refused)
    assert refused.text == "another client uses the terminal"
    system.unsubscribe(view)
    system.queue.tell(ResizeTerminal(task.id, 50, 20, answers, if_free=True))
    answers.wait_for(Acknowledged)
    until(lambda: system.get(task.id).last_line == "20 50")
