"""Crafted sessions, opened by a program that adopts their jobs."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import (
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.processes import proc
from backburner.actors.rules.variables import Variables
from backburner.actors.session.folder import SessionFolder
from backburner.actors.testing import running
from backburner.ui.cli.run import run
from conditions import until
from patience import PATIENCE

from tests.security.crafted import Session, own
from tests.security.things import THINGS, is_untouched, make_victim, put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that belongs to no task and leads a session."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _write(
    folder: Path, command: str, output: Path | None = None, timeout: float | None = None
) -> str:
    """Write a session with one running task; return its key."""
    session = SessionFolder(folder)
    journal, memory, _ = session.open_journal()
    task = Task.of(
        TaskRequest(
            "Run", "bash", (command,), directory="/", terms=Terms(timeout=timeout)
        ),
        id=1,
        reason="starting",
        queued_at=_NOON,
        output_path=str(output or session.output / "1.log"),
    ).started(_NOON)
    journal.changed(TaskChanged(1, TaskEvent.RUNNING, task), Variables(os.environ))
    journal.commit()
    journal.close(clean=False)
    session.close()
    own(folder)
    return memory.session_key


def _note(folder: Path, key: str, pid: int) -> None:
    """Record a process as that of the task, as a host does."""
    record = f"{key} {proc.boot_id()} 1 {pid} 0 {10**17} -"
    (folder / "processes").write_text(record.ljust(127) + "\n")
    (folder / "processes").chmod(0o600)


@pytest.mark.parametrize(
    "changes",
    [{"folder": None}, {"folder": None, "key": None, "seq": None}, {"folder": [1, 2]}],
    ids=["no folder", "of an older version", "of another folder"],
)
def test_a_process_in_the_notes_of_another_folder_is_not_adopted(
    changes: dict[str, object], tmp_path: Path, foreign: subprocess.Popen[bytes]
) -> None:
    folder = tmp_path / "main"
    key = _write(folder, "true", timeout=600.0)
    _note(folder, key, foreign.pid)
    Session(folder, 0, 0.0).lock(**changes)
    with running(TaskSystem(directory=folder, adopt=True, grace=0)) as system:
        # The time limit has passed, so an adopted process is ended at once.
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.status.is_final
    assert foreign.poll() is None


def test_a_process_that_leads_no_session_is_not_adopted(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    key = _write(folder, "sleep 600", timeout=600.0)
    with subprocess.Popen(["sleep", "600"], process_group=0) as process:
        try:
            _note(folder, key, process.pid)
            with running(TaskSystem(directory=folder, adopt=True, grace=0)) as system:
                (ended,) = system.wait(1, timeout=PATIENCE)
                assert "its exit status is unknown" in ended.reason
            assert process.poll() is None
        finally:
            process.kill()


def test_a_file_named_by_a_journal_is_neither_deleted_nor_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, empty, victim = tmp_path / "main", tmp_path / "e", make_victim(tmp_path)
    empty.touch()
    _write(folder, "echo ran", empty)
    with running(TaskSystem(directory=folder, adopt=True)) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert (ended.last_line, ended.output_path) == ("ran", f"{folder}/output/1.log")
    assert empty.exists()
    _write(other := tmp_path / "other", "true", victim)
    state = ["--state-dir", str(tmp_path), "--session", other.name]
    for words in (["log", *state, "1"], ["show", *state, "1"], ["export", *state]):
        run(words)
        captured = capfd.readouterr()
        assert "precious" not in captured.out + captured.err, words
        assert str(victim) not in captured.out + captured.err, words
    assert is_untouched(victim)


def test_a_task_of_an_engine_that_is_missing_has_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "main"
    _write(folder, "true")
    Session(folder, 0, 0.0).edit("tasks", "snapshot", "terms.engine", "gone")
    Session(folder, 0, 0.0).edit("changes", "snapshot", "terms.engine", "gone")
    with running(TaskSystem(directory=folder, adopt=True)) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.reason == "engine 'gone', which ran it, is no longer configured"
    assert not caplog.records


def test_a_later_attempt_writes_only_to_its_own_file(tmp_path: Path) -> None:
    victim, go = make_victim(tmp_path), tmp_path / "go"
    command = f'until test -e "{go}"; do sleep 0.01; done; echo hi; exit 1'
    terms = Terms(retries=1, retry_delay=0.001)
    with running(TaskSystem(directory=tmp_path / "main", slots=len(THINGS))) as system:
        made: dict[str, Task] = {}
        for thing in THINGS:
            request = TaskRequest(thing, "bash", (command,), terms=terms)
            made[thing] = system.add_request(request)
        output = tmp_path / "main/output"
        until(lambda: all((output / f"{it.id}.log").exists() for it in made.values()))
        was_put = {
            thing: put(thing, output / f"{task.id}.log", victim)
            for thing, task in made.items()
        }
        go.touch()
        for thing, task in made.items():
            (ended,) = system.wait(task.id, timeout=PATIENCE)
            assert ended.status is TaskStatus.FAILED, thing
            assert not was_put[thing] or "can't write its output file" in ended.reason
        system.forget_finished()
    assert is_untouched(victim)
