"""Journals with hidden damage, lost journals, and copied folders."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
import pytest
from backburner.actors import (
    ChatMessage,
    ForgetFinished,
    GetTranscript,
    JournalTrouble,
    Outcome,
    RefusedError,
    Subscribed,
    Task,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
    Transcript,
    WriteDown,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.session.folder import Owner, SessionFolder
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE

from tests.faults.program import Program, running_as, until_running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
_HELLO: Final = ChatMessage(_NOON, "main", "you", "hello")
_JUNK: Final = b"junk" * 1000


def _write_session(folder: Path, *, clean: bool) -> None:
    """Write a journal with two finished tasks, and optionally one running task."""
    session = SessionFolder(folder)
    journal, _, _ = session.open_journal()
    seq = 0
    for number in (1, 2) if clean else (1, 2, 3):
        task = Task(
            id=number,
            description=f"Task {number}",
            kind="fake",
            reason="starting",
            queued_at=_NOON,
        ).started(_NOON)
        if number < 3:
            task = task.ended(Outcome.complete(), _NOON, 1.0)
        seq += 1
        journal.changed(TaskChanged(seq, TaskEvent.of(task.status), task))
        journal.runs_as(ProcessRecord(number, (1 << 22) - 1, 0.0))
    journal.said(_HELLO, seq)
    journal.shown(1)
    journal.close(clean=clean)
    session.close()


def _sql(statement: str) -> Callable[[Path], None]:
    def damage(journal: Path) -> None:
        with contextlib.closing(sqlite3.connect(journal)) as db:
            db.execute(statement)
            db.commit()

    return damage


def _page(name: str) -> Callable[[Path], None]:
    def damage(journal: Path) -> None:
        with contextlib.closing(sqlite3.connect(journal)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (size,) = db.execute("PRAGMA page_size").fetchone()
            (root,) = db.execute(
                "SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)
            ).fetchone()
        with journal.open("r+b") as file:
            file.seek((root - 1) * size)
            file.write(b"\xa5" * 64)

    return damage


_HIDDEN: Final[dict[str, Callable[[Path], None]]] = {
    text: _sql(text)
    for text in (
        "UPDATE meta SET value = 9223372036854775807 WHERE key = 'seq'",
        "UPDATE meta SET value = 9223372036854775807 WHERE key = 'next_id'",
        "UPDATE meta SET value = 9223372036854775807 WHERE key = 'shown'",
        "UPDATE meta SET value = 'abc' WHERE key = 'shown'",
        "UPDATE meta SET value = x'00' WHERE key = 'session_key'",
        "UPDATE meta SET value = 7 WHERE key = 'clean'",
        "UPDATE processes SET pid = -1",
        "UPDATE processes SET pid = 'abc'",
        "UPDATE processes SET pid = x'00'",
        "UPDATE processes SET pid = 1.5",
        "UPDATE processes SET pid = 9223372036854775807",
        "UPDATE processes SET created = 'abc'",
        "UPDATE changes SET snapshot = replace(snapshot, '\"id\":2', '\"id\":1')",
        "UPDATE tasks SET snapshot = (SELECT snapshot FROM changes WHERE seq = 1)",
        "UPDATE tasks SET snapshot = 'x'",
        "DELETE FROM changes WHERE seq = 1",
        "UPDATE changes SET task_id = 3 WHERE seq = 2",
        "UPDATE tasks SET seq = 2 WHERE id = 1",
        "UPDATE tasks SET id = id + 9000000000000000000",
        "UPDATE tasks SET seq = 'x' || seq WHERE id = 1",
        "UPDATE changes SET seq = seq + 9000000000000000000",
        "DROP TABLE chat",
        "DROP TABLE processes",
        "DROP INDEX changes_of_task",
    )
} | {f"the first page of {name}": _page(name) for name in ("chat", "changes_of_task")}


@pytest.mark.parametrize("damage", _HIDDEN)
def test_damage_is_found_when_the_session_is_opened(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "main"
    _write_session(folder, clean=False)
    _HIDDEN[damage](folder / "session.db")
    kind = FakeKind()
    with running(TaskSystem(directory=folder, kinds=[kind])) as system:
        (warning,) = system.warnings
        assert "it was set aside as" in warning
        assert system.list() == ()
        task = system.add("New", "fake")
        kind.job(task.id).complete()
        assert system.wait(task.id, timeout=PATIENCE)[0].status is TaskStatus.COMPLETE
        assert system.forget_finished() == (task.id,)
    assert [*folder.glob("session.db.damaged-*")]
    assert caplog.records == []
    with running(TaskSystem(directory=folder, kinds=[kind])) as system:
        assert system.warnings == ()


def _remove(journal: Path) -> None:
    journal.unlink()


def _remove_all(journal: Path) -> None:
    shutil.rmtree(journal.parent)


def _replace_by_another(journal: Path) -> None:
    other = journal.with_name("other.db")
    SqliteJournal(other).close(clean=True)
    other.rename(journal)


_AT_RUN_TIME: Final[dict[str, Callable[[Path], None]]] = {
    "the first page of chat": _page("chat"),
    "the first page of changes_of_task": _page("changes_of_task"),
    "the file is deleted": _remove,
    "the folder is deleted": _remove_all,
    "the file is replaced": _replace_by_another,
}


@pytest.mark.parametrize("damage", _AT_RUN_TIME)
def test_damage_at_run_time_loses_nothing_in_memory(
    damage: str, tmp_path: Path
) -> None:
    folder = tmp_path / "main"
    _write_session(folder, clean=True)
    news: Recorder[object] = Recorder()
    kind = FakeKind()
    with running(TaskSystem(directory=folder, kinds=[kind])) as system:
        runs = system.add("Runs", "fake")
        kind.job(runs.id)
        _AT_RUN_TIME[damage](folder / "session.db")
        system.subscribe(news)
        system.queue.tell(WriteDown(_HELLO))
        system.list()
        added = system.add("Added", "fake")
        trouble = news.wait_for(JournalTrouble)
        assert trouble.text is not None
        assert "the tasks are in a new file" in trouble.text
        news.wait_for(JournalTrouble, lambda it: it.text is None)
        assert [task.id for task in system.list()] == [1, 2, runs.id, added.id]
        kind.job(runs.id).complete()
        kind.job(added.id).complete()
        before = system.wait(1, 2, runs.id, added.id, timeout=PATIENCE)
    assert bool([*folder.glob("*.damaged-*[0-9]")]) == ("deleted" not in damage)
    with running(TaskSystem(directory=folder, kinds=[kind])) as system:
        assert system.warnings == ()
        assert system.list() == before
        shown: Recorder[object] = Recorder()
        system.subscribe(shown, shows=True)
        unshown = shown.wait_for(Subscribed).unshown
        ends = [it.task for it in unshown if it.event is TaskEvent.COMPLETE]
        # The first change was shown before.
        assert ends == [*before[1:]]
        transcript = system.queue.ask(GetTranscript(10), timeout=PATIENCE)
        assert isinstance(transcript, Transcript)
        # Announced while the index was intact, so only the damaged file has it.
        assert (_HELLO in transcript.entries) == ("changes_of_task" not in damage)


def test_a_deleted_folder_is_recreated_with_the_same_owner(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    with running(TaskSystem(directory=folder)) as system:
        before = system.add("Before", "bash", "true")
        system.wait(before.id, timeout=PATIENCE)
        shutil.rmtree(folder)
        task = system.add("Print", "bash", "echo hi")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert (ended.status, ended.last_line) == (TaskStatus.COMPLETE, "hi")
        with pytest.raises(TaskSystemError, match="'main' is open already, in process"):
            TaskSystem(directory=folder).start()
    with running(TaskSystem(directory=folder)) as again:
        assert again.warnings == ()
        assert [it.id for it in again.list()] == [before.id, task.id]


def test_a_deleted_lock_file_is_recreated_before_a_write(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    with running(TaskSystem(directory=folder)) as system:
        (folder / "lock").unlink()
        system.add("Nap", "sleep", "600")
        with pytest.raises(TaskSystemError, match="'main' is open already, in process"):
            TaskSystem(directory=folder).start()


def test_a_folder_that_cannot_be_recreated_at_once_is_owned_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "main"
    news: Recorder[object] = Recorder()
    with running(TaskSystem(directory=folder)) as system:
        key = (folder / "lock").read_bytes().split(b'"key":')[1][:14]
        system.subscribe(news)
        shutil.rmtree(folder)
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", _no_room)
            system.queue.tell(WriteDown(_HELLO))
            trouble = news.wait_for(JournalTrouble).text or ""
            assert "No space left on device; make room" in trouble
            assert not (folder / "lock").exists()
        news.wait_for(JournalTrouble, lambda it: it.text is None)
        assert key in (folder / "lock").read_bytes()
        with pytest.raises(TaskSystemError, match="'main' is open already, in process"):
            TaskSystem(directory=folder).start()


def _no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_session_that_another_program_recreated_is_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "main"
    news: Recorder[object] = Recorder()
    with running(TaskSystem(directory=folder)) as system:
        mine = system.add("Mine", "bash", "echo mine")
        system.wait(mine.id, timeout=PATIENCE)
        system.subscribe(news)
        shutil.rmtree(folder)
        with running(TaskSystem(directory=folder)) as other:
            their_task = other.add("Its", "bash", "echo its")
            assert their_task.id == mine.id
            other.wait(their_task.id, timeout=PATIENCE)
            system.queue.tell(WriteDown(_HELLO))
            trouble = news.wait_for(JournalTrouble).text or ""
            assert "is another session now; leave this one" in trouble
            with pytest.raises(RefusedError, match="can't write to the journal"):
                system.add("Lost", "bash", "true")
            system.queue.tell(ForgetFinished())
            # Never written, so no later reader sees it.
            assert [task.id for task in system.list()] == [mine.id]
            assert (folder / "output" / "1.log").read_text() == "its\n"
    assert "is another session now; leave this one" in caplog.text
    with running(TaskSystem(directory=folder)) as again:
        assert [task.description for task in again.list()] == ["Its"]


def test_a_damaged_transcript_blocks_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    _write_session(folder, clean=True)
    _sql("UPDATE chat SET message = 'x'")(folder / "session.db")
    with running(TaskSystem(directory=folder, kinds=[FakeKind()])) as system:
        transcript = system.queue.ask(GetTranscript(10), timeout=PATIENCE)
        assert isinstance(transcript, Transcript)
        assert _HELLO not in transcript.entries
        assert [task.id for task in system.list()] == [1, 2]
    assert [*folder.glob("*.damaged-*")]


# Data that must outlive the journal


@pytest.mark.parametrize("case", ["no output", "forgotten", "killed", "not again"])
def test_ids_are_not_reused_when_the_journal_is_lost(case: str, state: Path) -> None:
    folder = state / "main"
    if case == "killed":
        with Program(state) as program:
            program.send('/task "A" sleep 0', '/task "B" sleep 0')
            program.wait_for_event(TaskEvent.COMPLETE, 2)
            program.kill()
    else:
        with running(TaskSystem(directory=folder)) as system:
            # Without output files, which would reveal their ids.
            for _ in range(2):
                system.add("Task", "sleep", "0")
            system.wait(timeout=PATIENCE)
            if case == "forgotten":
                system.forget_finished()
    (folder / "session.db").write_bytes(_JUNK)
    if case == "not again":
        with running(TaskSystem(directory=folder)):
            pass
        (folder / "session.db").write_bytes(_JUNK)
    with running(TaskSystem(directory=folder)) as system:
        new = system.add("New", "sleep", "0").id
        assert new == 3


@pytest.mark.parametrize(
    "loss", ["wal deleted", "wal emptied", "wal cut", "database deleted", "all deleted"]
)
def test_losses_of_a_journal_are_reported_and_no_id_is_reused(
    state: Path, loss: str
) -> None:
    folder = state / "main"
    database, wal = folder / "session.db", folder / "session.db-wal"
    with Program(state) as program:
        program.send("!echo first", "!echo second", "!echo third")
        for task_id in (1, 2, 3):
            program.wait_for_event(TaskEvent.COMPLETE, task_id)
        program.kill()
    kept = wal.read_bytes()
    match loss:
        case "wal deleted":
            wal.unlink()
        case "wal emptied":
            wal.write_bytes(b"")
        case "wal cut":
            # Possible remains after a power cut.
            wal.write_bytes(kept[:-1])
        case "database deleted":
            database.unlink()
        case _:
            database.unlink()
            wal.unlink()
    with running(TaskSystem(directory=folder)) as system:
        (warning,) = system.warnings
        assert str(folder / "output") in warning
        is_cut = loss == "wal cut"
        text = "has lost the last changes" if is_cut else "was missing or empty"
        assert text in warning
        if loss == "database deleted":
            (aside,) = folder.glob("session.db.damaged-*-wal")
            assert str(aside) in warning
            assert aside.read_bytes() == kept
        new = system.add("New", "bash", "echo new")
        assert new.id == 4
        system.wait(timeout=PATIENCE)
        assert (folder / "output/4.log").read_text() == "new\n"
        for number, text in enumerate(("first", "second", "third"), 1):
            assert (folder / f"output/{number}.log").read_text() == f"{text}\n"
    with running(TaskSystem(directory=folder)) as system:
        assert system.warnings == ()
        assert system.add("Next", "sleep", "0").id == 5


def test_a_killed_new_session_starts_at_id_one(state: Path) -> None:
    with Program(state) as program:
        program.send("/tasks")
        program.wait_for(lambda line: line.event == "tasks")
        program.kill()
    with running(TaskSystem(directory=state / "main")) as system:
        assert system.add("First", "sleep", "0").id == 1


def _start_a_job(program: Program) -> str:
    unique = f"60.{uuid.uuid4().int % 10**9:09}"
    program.send(f"!sleep {unique}")
    until_running(unique, 1)
    return unique


def test_a_killed_program_without_its_journal_leaves_no_process(state: Path) -> None:
    with Program(state) as program:
        unique = _start_a_job(program)
        program.kill()
        assert len(running_as(unique)) == 1
        for suffix in ("", "-wal", "-shm"):
            (state / f"main/session.db{suffix}").write_bytes(_JUNK)
        with running(TaskSystem(directory=state / "main")) as system:
            assert "it was set aside" in system.warnings[0]
            assert running_as(unique) == []


# Copies


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "journal alone"])
def test_a_copy_of_a_session_does_not_touch_the_jobs_of_the_original(
    state: Path, *, whole: bool
) -> None:
    original, copy = state / "main", state / "copy"
    with Program(state) as program:
        unique = _start_a_job(program)
        # Until the process id of the task is recorded.
        program.send("!echo up; sleep 600")
        program.wait_for(lambda it: it.task is not None and it.task.last_line == "up")
        if whole:
            shutil.copytree(original, copy)
        else:
            copy.mkdir()
            for journal in original.glob("session.db*"):
                shutil.copy(journal, copy)
        with running(TaskSystem(directory=copy)) as system:
            assert system.get(1).reason == "the session ended while it ran"
            task = system.add("New", "bash", "echo here")
            system.wait(task.id, timeout=PATIENCE)
        assert len(running_as(unique)) == 1
        program.send("/show 1")
        shown = program.wait_for(lambda it: it.event == "show").task
        assert shown is not None
        assert shown.status is TaskStatus.RUNNING


def test_a_renamed_folder_still_knows_its_processes(state: Path) -> None:
    with Program(state) as program:
        unique = _start_a_job(program)
        program.kill()
        assert len(running_as(unique)) == 1
        (state / "main").rename(state / "renamed")
        with running(TaskSystem(directory=state / "renamed")):
            assert running_as(unique) == []


def test_processes_of_an_older_version_are_found_by_the_key_in_its_journal(
    state: Path,
) -> None:
    with Program(state) as program:
        unique = _start_a_job(program)
        program.kill()
        (state / "main/lock").write_text('{"pid":1,"since":"2026-01-02T03:04:05Z"}')
        with running(TaskSystem(directory=state / "main")):
            assert running_as(unique) == []


def test_a_kill_at_any_write_leaves_a_readable_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Prevents everything after the kill."""

    lock = tmp_path / "lock"
    # Longer than the new content: no process id is so high.
    lock.write_bytes(msgspec.json.encode(Owner(1 << 60, _NOON, next_id=7)))
    write = os.pwrite

    def write_and_die(fd: int, data: bytes, offset: int) -> int:
        write(fd, data, offset)
        raise Killed

    monkeypatch.setattr(os, "pwrite", write_and_die)
    with pytest.raises(Killed):
        SessionFolder(tmp_path)
    owner = msgspec.json.decode(lock.read_bytes(), type=Owner)
    assert (owner.pid, owner.next_id) == (os.getpid(), 7)
