"""A task runs in the directory where it was added, even by an earlier program."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Final

import pytest
from backburner.actors import (
    BashKind,
    SleepKind,
    Task,
    TaskEvent,
    TaskFilter,
    TaskStatus,
    TaskSystem,
)
from patience import PATIENCE

from tests.faults.program import Program

_UNKNOWN: Final = (
    "the directory in which it was added is not known: an older version queued it;"
    " add it again"
)
_JOURNALS: Final = Path(__file__).parent / "journals"
_SECRET: Final = "OF_WHO_ASKED"  # noqa: S105 - the name of a variable


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return two folders with a build script each."""
    first, second = tmp_path / "A", tmp_path / "B"
    for folder in (first, second):
        (folder / "build").mkdir(parents=True)
    return first, second


def _queue(state: Path, folder: Path, command: str, number: int) -> None:
    """Queue a command in a folder behind a blocker, then end the program."""
    given = {_SECRET: "top", "PWD": str(folder)}
    with Program(
        state, "--parallel", "1", environment=given, directory=folder
    ) as program:
        program.send("!sleep 600", f"!{command}")
        program.wait_for_event(TaskEvent.QUEUED, 2)
        program.signal(number)
        program.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_queued_task_runs_where_it_was_added(
    state: Path, folders: tuple[Path, Path], number: int
) -> None:
    first, second = folders
    _queue(state, first, f"rm -rf build; echo $PWD ${_SECRET}", number)
    given = {"PWD": str(second)}
    with Program(state, environment=given, directory=second) as program:
        ended = program.wait_for_end(2)
        assert (ended.status, ended.last_line) == (TaskStatus.COMPLETE, f"{first} top")
        assert ended.directory == str(first)
        assert not (first / "build").exists()
        assert (second / "build").exists()


def test_a_task_whose_folder_was_deleted_fails_before_it_runs(
    state: Path, folders: tuple[Path, Path]
) -> None:
    first, second = folders
    _queue(state, first, f"touch {second}/ran", signal.SIGKILL)
    shutil.rmtree(first)
    with Program(state, directory=second) as program:
        ended = program.wait_for_end(2)
        assert (ended.status, ended.reason) == (
            TaskStatus.FAILED,
            f"its directory {first} does not exist; make it, and run it again",
        )
        assert not (second / "ran").exists()


def test_the_environment_of_an_ended_task_is_removed_from_the_journal(
    state: Path, tmp_path: Path
) -> None:
    secret = "s3cret of a task"  # noqa: S105 - what is looked for
    given = {_SECRET: secret}
    with Program(state, "--parallel", "1", environment=given) as program:
        program.send("!sleep 600", "!true")
        program.wait_for_event(TaskEvent.QUEUED, 2)
        program.kill()
    assert secret.encode() in _bytes_of(state)
    with Program(state, directory=tmp_path) as program:
        program.wait_for_end(2)
        program.send("/quit")
        program.wait()
        lines = str(program.lines)
    assert secret.encode() not in _bytes_of(state)
    assert secret not in lines
    with sqlite3.connect(state / "main/session.db") as db:
        assert db.execute("SELECT count(*) FROM environments").fetchone() == (0,)
    db.close()


def _bytes_of(state: Path) -> bytes:
    return b"".join(it.read_bytes() for it in state.rglob("*") if it.is_file())


def test_a_task_added_by_a_job_is_not_part_of_that_job(state: Path) -> None:
    """Processes with the mark of a job are ended with it."""
    given = {"BACKBURNER_TASK": "other-0123456789ab:7"}
    with Program(state, "--parallel", "1", environment=given) as program:
        program.send("!sleep 600", "!echo $BACKBURNER_TASK")
        program.wait_for_event(TaskEvent.QUEUED, 2)
        program.kill()
    with Program(state) as program:
        ended = program.wait_for_end(2)
        assert ended.last_line is not None
        assert "other" not in ended.last_line
        assert ended.last_line.endswith(":2")


def _open_old_journal(state: Path) -> None:
    """Create a session with version 2 of the schema, which has no directories."""
    folder = state / "main"
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
        db.executescript((_JOURNALS / "schema-2.sql").read_text())


def test_a_task_of_an_older_version_does_not_run_elsewhere(
    state: Path, folders: tuple[Path, Path]
) -> None:
    _open_old_journal(state)
    first, _ = folders
    with Program(state, directory=first) as program:
        clean = program.wait_for_end(4)
        assert (clean.status, clean.reason) == (TaskStatus.FAILED, _UNKNOWN)
        nap = program.wait_for_end(5)
        assert nap.status is TaskStatus.COMPLETE
        program.send("/rerun 1", "/wait 6")
        refused = program.wait_for(lambda it: "#1 was added by" in it.text)
        assert refused.event == "error"
        # No program waits for a task that can't start here.
        waiting = program.wait_for(lambda it: "#6 does not start here" in it.text)
        assert waiting.event == "error"
        program.close_input()
        assert program.wait() == 1
    assert (first / "build").exists()


def test_a_task_waits_for_a_session_that_has_its_kind(state: Path) -> None:
    _open_old_journal(state)

    class FaxKind(BashKind):
        name = "fax"

        def directory(self, task: Task) -> Path:
            del task
            return state

    folder = state / "main"
    with TaskSystem(directory=folder, slots=1) as system:
        (nap,) = system.wait(5, timeout=PATIENCE)
        assert nap.status is TaskStatus.COMPLETE, "it went past the one that waits"
        fax = system.get(6)
        assert (fax.status, fax.reason) == (
            TaskStatus.QUEUED,
            "waiting for the kind 'fax', which is not registered here",
        )
        assert [task.id for task in system.resumed] == [4, 5]
        assert [task.id for task in system.list(TaskFilter.QUEUED)] == [6]
    kinds = (BashKind(), SleepKind(), FaxKind())
    with TaskSystem(directory=folder, slots=1, kinds=kinds) as system:
        assert [task.id for task in system.resumed] == [6]
        (fax,) = system.wait(6, timeout=PATIENCE)
        assert fax.status is TaskStatus.COMPLETE


def test_a_task_without_its_kind_can_be_canceled(state: Path) -> None:
    _open_old_journal(state)
    with TaskSystem(directory=state / "main") as system:
        assert system.cancel(6).status is TaskStatus.CANCELED
        assert system.list(TaskFilter.QUEUED) == ()


def test_a_session_names_tasks_that_start_now_and_next_time(
    state: Path, folders: tuple[Path, Path]
) -> None:
    first, second = folders
    with Program(state, "--parallel", "1", directory=first) as program:
        program.send("!sleep 600", '/task "Clean" bash rm -rf build')
        program.wait_for_event(TaskEvent.QUEUED, 2)
        program.send("/quit")
        program.wait()
        assert program.wait_for(lambda it: it.event == "quit").not_started == (2,)
    with Program(state, directory=second) as program:
        reply = program.wait_for(lambda it: it.event == "reply")
        assert reply.text == (
            f"starting 1 task that was queued when the session ended:\n"
            f"  #2 Clean  in {first}"
        )
        program.wait_for_end(2)
