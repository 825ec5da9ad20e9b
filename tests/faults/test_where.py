"""A task runs where it was added, whatever became of the program that was told."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskEvent, TaskStatus

from tests.faults.program import Program

if TYPE_CHECKING:
    from pathlib import Path

_SECRET: Final = "OF_WHO_ASKED"  # noqa: S105 - the name of a variable


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return two folders, with a build in each."""
    first, second = tmp_path / "A", tmp_path / "B"
    for folder in (first, second):
        (folder / "build").mkdir(parents=True)
    return first, second


def _queue(state: Path, folder: Path, command: str, number: int) -> None:
    """Queue a command in a folder, behind one that never ends; then end the program."""
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


def test_a_task_whose_folder_is_gone_fails_before_anything_runs(
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


def test_the_environment_of_a_task_leaves_the_journal_with_it(
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
        told = str(program.lines)
    assert secret.encode() not in _bytes_of(state)
    assert secret not in told
    with sqlite3.connect(state / "main/session.db") as db:
        assert db.execute("SELECT count(*) FROM environments").fetchone() == (0,)
    db.close()


def _bytes_of(state: Path) -> bytes:
    return b"".join(it.read_bytes() for it in state.rglob("*") if it.is_file())


def test_a_task_of_a_job_is_no_part_of_that_job(state: Path) -> None:
    """Whoever carries the mark of a job is ended with it."""
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
