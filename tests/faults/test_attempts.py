"""Retries continue unchanged after the program was killed."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskStatus, TaskSystem, Terms
from backburner.actors.journal.sqlite import SqliteJournal
from conditions import until
from patience import PATIENCE

from tests.faults.program import Program, running_as, until_running

if TYPE_CHECKING:
    from tests.faults.program import Line

_JOURNALS: Final = Path(__file__).parent / "journals"


def _waits_for(number: int, line: Line) -> bool:
    attempt = None if line.task is None else line.task.attempt
    return attempt is not None and (attempt.number, attempt.waits) == (number, True)


def _lines_of(output: Path, count: int) -> list[str]:
    """Wait until a file has so many lines, and return them."""
    until(lambda: len(output.read_text().splitlines()) >= count)
    return output.read_text().splitlines()


def test_a_kill_between_attempts_keeps_their_number_and_times(state: Path) -> None:
    with Program(state, environment={"GREETING": "hello"}) as program:
        program.send(
            '/task --retry 3 --retry-delay 290s "Flaky" bash echo $GREETING; exit 1'
        )
        before = program.wait_for(lambda it: _waits_for(2, it)).task
        heard = time.time()
        program.send("/tasks")
        program.wait_for(lambda it: it.event == "tasks")
        program.kill()
    with Program(state) as program:
        program.send("/tasks")
        program.wait_for(lambda it: it.event == "tasks")
        passed = time.time() - heard
        program.send("/show 1")
        after = program.wait_for(lambda it: it.event == "show").task
        assert before is not None
        assert after is not None
        assert after.status is TaskStatus.RUNNING
        assert after.attempt == before.attempt
        # The time counts from the attempt's start, not from when it was recorded.
        assert before.duration is not None
        assert after.duration is not None
        assert after.duration >= before.duration + passed - 0.01
        program.send("/cancel 1")
        ended = program.wait_for_end(1)
        assert ended.status is TaskStatus.CANCELED
        assert ended.reason == "canceled by you (before attempt 2 of 4)"


def test_a_kill_during_an_attempt_counts_as_a_failure(state: Path) -> None:
    unique = f"60.{uuid.uuid4().int % 10**9:09}"
    command = f"echo $GREETING; exec sleep {unique}"
    with Program(state, environment={"GREETING": "hello"}) as program:
        program.send(f'/task --retry 1 --retry-delay 100ms "Long" bash {command}')
        until_running(unique, 1)
        program.kill()
    with Program(state) as program:
        # The first process has been ended, and the second has its environment.
        output = state / "main" / "output" / "1.log"
        lines = _lines_of(output, 3)
        assert lines[0] == lines[2] == "hello"
        assert lines[1].startswith("--- the session ended while it ran; attempt 2 of 2")
        program.send("/show 1")
        task = program.wait_for(lambda it: it.event == "show").task
        assert task is not None
        assert task.reason == "attempt 2 of 2"
        until_running(unique, 1)
        program.send("/cancel 1")
        program.wait_for_end(1)
        assert running_as(unique) == []


def test_a_task_with_restart_always_restarts_after_a_kill_or_an_end(
    state: Path,
) -> None:
    unique = f"60.{uuid.uuid4().int % 10**9:09}"
    with Program(state) as program:
        program.send(
            f'/task --restart always --retry-delay 50ms "Server" bash sleep {unique}'
        )
        until_running(unique, 1)
        program.kill()
    with Program(state) as program:
        until_running(unique, 1)
        program.send("/quit")
        program.wait()
        assert running_as(unique) == []
    with Program(state) as program:
        until_running(unique, 1)
        program.send("/cancel 1")
        assert program.wait_for_end(1).status is TaskStatus.CANCELED
        assert running_as(unique) == []


@pytest.mark.parametrize("schema", [4, 5])
def test_a_journal_of_each_version_opens_unchanged(tmp_path: Path, schema: int) -> None:
    """Later versions must keep reading the journal."""
    folder = tmp_path / "session"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
        db.executescript((_JOURNALS / f"schema-{schema}.sql").read_text())
    with TaskSystem(directory=folder, slots=2, grace=0.1, resources={"gpu": 1}) as it:
        (trained,) = it.wait(8, timeout=PATIENCE)
        tasks = {task.id: task for task in it.list()}
        group = it.rules().groups[0]
        (schedule,) = it.schedules()
    assert (trained.status, trained.last_line) == (TaskStatus.COMPLETE, "hello")
    assert tasks[1].status is TaskStatus.COMPLETE
    flaky, server = tasks[2], tasks[3]
    assert flaky.status is server.status is TaskStatus.RUNNING
    assert flaky.terms == Terms(retries=3, retry_delay=300.0, retry_on=(1, 75))
    assert flaky.attempt is not None
    assert flaky.attempt.before == "exit status 75"
    assert server.attempt is not None
    assert server.attempt.before == "the machine restarted while it ran"
    assert tasks[4].reason == "the machine restarted while it ran"
    deploy = Terms(timeout=600.0, priority=5, after=(3,), group="builds")
    assert (tasks[5].terms, tasks[5].reason) == (deploy, "waiting for #3")
    assert tasks[6].reason.startswith("starts at 2090-12-24")
    assert tasks[7].reason == "held"
    assert (group.name, group.slots, group.paused) == ("builds", 2, True)
    assert (schedule.every, schedule.request.description) == ("*/15 * * * *", "Sync")


def test_the_additions_of_version_5_are_read_unchanged(tmp_path: Path) -> None:
    """A paused task, limits, an input, figures, and the settings of the queue."""
    with contextlib.closing(sqlite3.connect(tmp_path / "session.db")) as db:
        db.executescript((_JOURNALS / "schema-5.sql").read_text())
    journal = SqliteJournal(tmp_path / "session.db")
    try:
        memory = journal.load()
    finally:
        journal.release()
    tasks = {task.id: task for task in memory.tasks}
    paused, measured = tasks[9], tasks[10]
    assert (paused.status, paused.reason) == (TaskStatus.RUNNING, "paused")
    assert (paused.is_paused, paused.paused_for, paused.duration) == (True, 1.25, 1.5)
    limits = Terms(memory=1 << 30, cpus=1.5, pids=100, input="pipe", group="night")
    assert paused.terms == limits
    assert measured.figures is not None
    assert measured.figures.cpu == 0.5
    builds, night = memory.rules.groups
    assert memory.rules.slots == 3
    assert (builds.slots, builds.paused, builds.pause_on_failure) == (2, True, None)
    assert (night.pause_on_failure, night.why) == (True, "#1 failed")
    assert {it.task_id for it in memory.processes} >= {3, 4, 9}
