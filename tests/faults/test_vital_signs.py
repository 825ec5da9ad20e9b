"""Vital signs distinguish a working task from a hanging one."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    GetTask,
    Outcome,
    Task,
    TaskChanged,
    TaskEvent,
    TaskFound,
    TaskSystem,
)
from backburner.actors.processes.activity import VitalSigns, look, silence
from backburner.actors.testing import Recorder, running
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import Send, Show
from backburner.ui.dialogue.entries import Reply
from backburner.ui.dialogue.reports import activity_facts
from backburner.ui.text.theme import ASCII_ICONS
from conditions import until
from lookups import with_lookups
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from backburner.actors import Notification

_BURN = "ulimit -t 600; i=0; while :; do i=$((i+1)); done"


@pytest.fixture
def session() -> Iterator[Callable[[str], int]]:
    """Return a function that starts a command line in a session of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: str) -> int:
        child = subprocess.Popen(
            ["bash", "-c", command], stdout=subprocess.PIPE, start_new_session=True
        )
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child.pid

    yield start
    for child in started:
        os.killpg(child.pid, 9)
        child.communicate()


def test_a_sleeping_process_uses_no_cpu(session: Callable[[str], int]) -> None:
    pid = session("sleep 600 & sleep 600 & echo up; wait")
    first = look(pid)
    assert first is not None
    assert first.processes == 3
    second = look(pid)
    assert second is not None
    assert second.at > first.at
    assert second.cpu == first.cpu


def test_a_busy_grandchild_uses_cpu(session: Callable[[str], int]) -> None:
    pid = session(f"(({_BURN}) & echo up; wait); true")
    first = look(pid)
    assert first is not None

    def worked() -> bool:
        now = look(pid)
        return now is not None and now.cpu >= first.cpu + 0.05

    until(worked)


def test_cpu_time_of_ended_children_counts(session: Callable[[str], int]) -> None:
    pid = session("timeout 0.2 bash -c 'while :; do :; done'; echo up; sleep 600")
    signs = look(pid)
    assert signs is not None
    assert signs.cpu > 0


def test_an_ended_process_has_no_vital_signs() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert look(child.pid) is None


def test_silence_starts_at_the_last_output(tmp_path: Path) -> None:
    output = tmp_path / "1.log"
    assert silence(output, 100.0, 130.0) == 30.0
    output.touch()
    os.utime(output, (0, 90.0))
    assert silence(output, 100.0, 130.0) == 30.0
    output.write_text("x")
    os.utime(output, (0, 120.0))
    assert silence(output, 100.0, 130.0) == 10.0
    assert silence(output, 100.0, 110.0) == 0.0


def test_vital_signs_are_human_readable() -> None:
    first = VitalSigns(at=10.0, processes=1, cpu=0.31)
    assert activity_facts(59.9, None) == []
    assert activity_facts(300.0, first) == [
        ("silence", "no output for 5m 00s"),
        ("activity", "1 process, 0.3 s of CPU since the start"),
    ]
    waits = VitalSigns(at=52.0, processes=3, cpu=0.32)
    assert activity_facts(0.0, waits, first) == [
        (
            "activity",
            "3 processes, 0.3 s of CPU since the start, none in the last 42.0s",
        )
    ]
    works = VitalSigns(at=94.0, processes=3, cpu=12.3)
    assert activity_facts(0.0, works, waits)[0][1].endswith(
        ", 12.0 s in the last 42.0s (29% of a CPU)"
    )


def _show(dialogue: Dialogue, task: Task, pid: int | None) -> str:
    (*_, sent) = dialogue.take_line(f"/show {task.id}")
    assert isinstance(sent, Send)
    assert isinstance(sent.request, GetTask)
    found = TaskFound(task, pid, sent.request.correlation_id)
    (shown,) = with_lookups(dialogue, dialogue.take_reply(found))
    assert isinstance(shown, Show)
    assert isinstance(shown.entry, Reply)
    return "\n".join(shown.entry.lines)


def test_show_compares_with_the_previous_sample(session: Callable[[str], int]) -> None:
    pid = session("sleep 600 & echo up; wait")
    dialogue = Dialogue((), ASCII_ICONS, 5)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    task = Task(
        id=1,
        description="Wait",
        kind="bash",
        reason="",
        queued_at=at,
        output_path="/nowhere/1.log",
    )
    task = task.started(at)
    first = _show(dialogue, task, pid)
    assert "  silence    no output for " in first
    assert re.search(
        r"  activity   2 processes, \d\.\d s of CPU since the start\n", first
    )
    assert ", none in the last 0." in _show(dialogue, task, pid)
    ended = task.ended(Outcome.complete(), at, 1.0)
    dialogue.take_notification(TaskChanged(1, TaskEvent.COMPLETE, ended))
    assert "activity" not in _show(dialogue, ended, None)


def test_a_real_task_shows_its_vital_signs() -> None:
    news: Recorder[Notification] = Recorder()
    system = TaskSystem(grace=0.2)
    with running(system):
        system.subscribe(news)
        task = system.add("Wait", "bash", "sleep 600 & echo up; wait")
        news.wait_for(TaskChanged, lambda change: change.task.last_line == "up")
        dialogue = Dialogue(system.kinds, ASCII_ICONS, 5)
        (*_, sent) = dialogue.take_line("/show 1")
        assert isinstance(sent, Send)
        found = system.queue.ask(sent.request, block=True, timeout=PATIENCE)
        (shown,) = with_lookups(dialogue, dialogue.take_reply(found))
        assert re.search(r"activity   2 processes, \d\.\d s of CPU", repr(shown))
        system.cancel(task.id)
        system.wait(timeout=PATIENCE)
