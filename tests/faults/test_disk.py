"""Sessions whose disk is full, read-only, damaged or removed."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import psutil
import pytest
from backburner.actors import (
    AddTask,
    CancelTask,
    DeadLetters,
    ForgetFinished,
    Forgotten,
    JournalTrouble,
    Kinds,
    ListTasks,
    Notification,
    Promise,
    QueueActor,
    QueueReply,
    RefusedError,
    Shown,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
)
from backburner.actors.journal.errors import JournalError
from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.schema import MIGRATIONS
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.queue.config import QueueConfig
from backburner.actors.rules.book import TaskBook
from backburner.actors.testing import FakeKind, ManualClock, Recorder, running
from conditions import until
from host_care import HostCare
from msgspec.structs import replace
from patience import PATIENCE
from process_ends import wait_ends
from programs import run_program

from tests.faults.program import Program, fill, soak_only

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from backburner.actors.runtime.clock import Alarm

REFUSAL: Final = "can't write to the journal ("
TROUBLE: Final = "can't write the journal, waiting: "


class Room(Protocol):
    """The free space of a disk."""

    def take(self, program: Program) -> None:
        """Leave no space for the program."""
        ...

    def give(self, program: Program) -> None:
        """Release the space."""
        ...


class _SmallDisk:
    """A small file system, with a file that fills it."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount

    def take(self, program: Program) -> None:
        del program
        fill(self._mount)

    def give(self, program: Program) -> None:
        del program
        (self._mount / "filler").unlink()


class _SizeLimit:
    """A limit on the size of files that a process writes; works on every system."""

    def take(self, program: Program) -> None:
        self._limit(program, 0)

    def give(self, program: Program) -> None:
        self._limit(program, resource.RLIM_INFINITY)

    @staticmethod
    def _limit(program: Program, size: int) -> None:
        limits = (size, resource.RLIM_INFINITY)
        psutil.Process(program.process.pid).rlimit(psutil.RLIMIT_FSIZE, limits)


@pytest.fixture(
    params=[pytest.param("a small disk", marks=soak_only), "a file size limit"]
)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Room]:
    """Return a state directory, and the control of its disk's space."""
    if request.param == "a small disk":
        mount: Path = request.getfixturevalue("small_disk")
        return mount / "state", _SmallDisk(mount)
    return tmp_path / "state", _SizeLimit()


def _wait_for_text(program: Program, event: str, start: str) -> str:
    line = program.wait_for(
        lambda line: line.event == event and line.text.startswith(start)
    )
    return line.text


def test_a_full_disk_delays_only_writes(
    disk: tuple[Path, Room], tmp_path: Path
) -> None:
    state, room = disk
    sign = tmp_path / "sign"
    with Program(state, "--parallel", "3") as program:
        program.send(f"!until [ -e {sign} ]; do sleep 0.02; done; exit 4", "!sleep 600")
        program.wait_for_event(TaskEvent.RUNNING, 2)
        room.take(program)

        program.send("!echo held up")
        _wait_for_text(program, "error", TROUBLE)
        program.send("!echo refused")
        _wait_for_text(program, "error", REFUSAL)
        program.send("/show 1")
        _wait_for_text(program, "show", "")
        program.send("/cancel 2")
        _wait_for_text(program, "cancel", "")
        _wait_until_gone(program, "sleep", "600")
        sign.touch()
        assert 3 not in program.last_states()

        room.give(program)
        assert program.wait_for_event(TaskEvent.CANCELED, 2).exit_code is None
        assert program.wait_for_event(TaskEvent.FAILED, 1).exit_code == 4
        _wait_for_text(program, "reply", "the journal can be written again")
        program.send("!echo taken")
        program.close_input()
        assert program.wait() == 1
        # The first change is only delayed if another write met the full disk first.
        refusals = [text for text in program.texts("error") if REFUSAL in text]
        lines = [task.last_line for i, task in program.last_states().items() if i > 2]
        assert lines == ["held up", "taken"][len(refusals) - 1 :]
    assert _integrity(state) == "ok"


def test_a_wait_does_not_prevent_freeing_space(
    tmp_path: Path, disk: tuple[Path, Room]
) -> None:
    state, room = disk
    sign = tmp_path / "sign"
    with Program(state) as program:
        program.send(f"!until [ -e {sign} ]; do sleep 0.02; done")
        program.wait_for_event(TaskEvent.RUNNING, 1)
        room.take(program)
        program.send("hello")
        _wait_for_text(program, "error", TROUBLE)
        program.send("/wait", "/clear", "/show 1")
        _wait_for_text(program, "show", "")
        sign.touch()
        room.give(program)
        _wait_for_text(program, "wait", "")
        program.close_input()
        assert program.wait() == 0


def test_an_unwritten_task_does_not_succeed(state: Path) -> None:
    with Program(state) as program:
        program.send("/tasks")
        _wait_for_text(program, "tasks", "")
        with contextlib.closing(
            sqlite3.connect(state / "main/session.db", isolation_level=None)
        ) as somebody_else:
            somebody_else.execute("BEGIN IMMEDIATE")
            # In one write with the end of the input, before the program knows of the
            # full disk.
            program.send("!echo lost")
            program.close_input()
            assert program.wait() == 1
        errors = [*program.texts("error")]
        assert any(
            text.startswith(("echo lost: could not be stored", REFUSAL))
            for text in errors
        ), errors


def _wait_until_gone(program: Program, *command: str) -> None:
    for process in program.left():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.cmdline() == list(command):
                wait_ends([process])


def test_the_program_ends_in_order_on_a_full_disk(small_disk: Path) -> None:
    state, room = small_disk / "state", _SmallDisk(small_disk)
    with Program(state, "--grace", "0.5") as program:
        program.send("!trap '' TERM; echo deaf; while :; do sleep 0.1; done")
        program.wait_for_event(TaskEvent.RUNNING, 1)
        room.take(program)
        program.send("!echo held up")
        _wait_for_text(program, "error", TROUBLE)
        program.send("/quit")
        assert program.wait() == 1
        assert program.left() == []
        assert "Traceback" not in program.errors()
    room.give(program)
    with Program(state) as again:
        assert again.wait_for_event(TaskEvent.FAILED, 1).reason.startswith(
            "the session"
        )
        again.send("/quit")
        again.wait()
    assert _integrity(state) == "ok"


def test_a_disk_that_is_full_at_the_start_is_named(small_disk: Path) -> None:
    directory = small_disk / "state" / "main"
    with running(TaskSystem(directory=directory)) as system:
        system.add("Fail", "bash", "exit 1")
        system.wait(timeout=PATIENCE)
    fill(small_disk)
    why = "No space left on device; make room, or name another|the disk is full"
    with pytest.raises(TaskSystemError, match=why):
        TaskSystem(directory=directory).start()


class _FullJournal(Journal):
    """A journal whose disk is full."""

    def commit(self) -> None:
        """Fail."""
        raise JournalError("the disk is full")


class _CountingClock(ManualClock):
    """A clock that counts scheduled calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def call_later(self, delay: float, call: Callable[[], object]) -> Alarm:
        """Count the call, and schedule it."""
        self.calls += 1
        return super().call_later(delay, call)


def test_only_one_attempt_to_write_is_pending(tmp_path: Path) -> None:
    """Multiplying retries would keep a machine with a full disk busy."""
    clock = _CountingClock()
    config = QueueConfig(Kinds([FakeKind()]), tmp_path, 1 << 30, clock, DeadLetters())
    queue = QueueActor.start(config, TaskBook(), _FullJournal())
    try:
        for _ in range(20):
            queue.ask(ListTasks(), timeout=PATIENCE)
        assert clock.calls == 1
        clock.advance(1)
        queue.ask(ListTasks(), timeout=PATIENCE)
        assert clock.calls == 2
    finally:
        queue.stop()


@pytest.mark.parametrize("manner", ["asked", "told"])
def test_an_unwritten_task_is_not_visible(tmp_path: Path, manner: str) -> None:
    request = AddTask(TaskRequest("Task", "sleep", ("0",)))
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(directory=tmp_path)) as system:
        reply: Promise[QueueReply] = Promise()
        asked = None
        lock = sqlite3.connect(tmp_path / "session.db", isolation_level=None)
        with contextlib.closing(lock):
            lock.execute("BEGIN IMMEDIATE")
            if manner == "asked":
                asked = system.queue.ask(request, block=False)
            else:
                system.queue.tell(replace(request, reply_to=reply))
            assert system.list() == ()
            with pytest.raises(RefusedError, match="no task 1"):
                system.get(1)
            system.subscribe(news)
            assert news.wait_for(Subscribed).tasks == ()
            assert "in use" in (news.wait_for(JournalTrouble).text or "")
            with pytest.raises(RefusedError, match="try again later"):
                system.add("Next", "sleep", "0")
            assert system.list() == ()
            assert news.of(TaskChanged) == ()
            # A copy is what a kill at this moment would leave.
            rows = lock.execute("SELECT count(*) FROM tasks").fetchone()
            assert rows == (0,)
        answer = reply.get(PATIENCE) if asked is None else asked.get(timeout=PATIENCE)
        assert isinstance(answer, TaskAdded)
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.status == "complete"


def _integrity(state: Path) -> str:
    with contextlib.closing(sqlite3.connect(state / "main/session.db")) as db:
        (answer,) = db.execute("PRAGMA integrity_check").fetchone()
    return answer


def test_deleting_output_frees_space_on_a_full_disk(small_disk: Path) -> None:
    news: Recorder[object] = Recorder()
    system = TaskSystem(directory=small_disk / "main")
    with running(system):
        system.add("Big", "bash", "head -c 200000 /dev/zero")
        system.wait(timeout=PATIENCE)
        system.subscribe(news)
        fill(small_disk)
        system.queue.tell(Shown(10_000))
        replies: Recorder[QueueReply] = Recorder()
        news.wait_for(JournalTrouble)
        system.queue.tell(ForgetFinished(replies))
        assert replies.wait_for(Forgotten).ids == (1,)
        assert news.wait_for(JournalTrouble).text is None


def test_a_command_that_waits_reports_a_full_disk(
    small_disk: Path, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    job = f"while ! [ -e {go_on} ]; do sleep 0.01; done"
    program = [sys.executable, "-m", "backburner"]
    state = ["--state-dir", str(small_disk / "state")]
    with HostCare() as care:
        environ = {**os.environ, **care.environ}
        add = [*program, "add", *state, "--", job]
        subprocess.run(add, env=environ, check=True, timeout=PATIENCE)
        fill(small_disk)
        with subprocess.Popen(
            [*program, "wait", *state, "1"],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        ) as waiting:
            assert waiting.stderr is not None
            go_on.touch()
            troubles = [waiting.stderr.readline()]
            (small_disk / "filler").unlink()
            # The reason may change while it lasts.
            while (line := waiting.stderr.readline()).startswith(
                f"backburner: {TROUBLE}"
            ):
                troubles.append(line)
            assert troubles[0].startswith(f"backburner: {TROUBLE}")
            assert all(a != b for a, b in pairwise(troubles)), troubles
            assert line == "backburner: the journal can be written again\n", troubles
            assert waiting.wait(PATIENCE) == 0


def test_a_command_that_shows_reports_a_full_disk(
    small_disk: Path, tmp_path: Path, *, soak: bool
) -> None:
    end = tmp_path / "end"
    program = [sys.executable, "-m", "backburner"]
    state = ["--state-dir", str(small_disk / "state")]
    with HostCare() as care:

        def verb(*words: str) -> subprocess.CompletedProcess[str]:
            return run_program(
                *program,
                *words[:1],
                *state,
                *words[1:],
                env={**os.environ, **care.environ},
            )

        os.mkfifo(end)
        verb("add", "--", f"cat {end}")
        assert verb("status").stderr == ""
        fill(small_disk)
        end.write_text("")
        trouble = "this may be out of date: can't write the journal: "
        until(lambda: trouble in verb("status").stderr)
        for words in (["list", "--json"], ["show", "1"], ["log"], ["stats"]):
            shown = verb(*words)
            assert shown.stderr.startswith(f"backburner: {trouble}")
            assert shown.stderr.endswith("the disk is full; make room\n")
            assert shown.returncode == 0
        if soak:
            unanswered = trouble.replace(
                "this may be out of date", "no answer within 10 s"
            )
            errors = verb("pause").stderr
            assert errors.startswith("backburner: session 'main': waiting: can't write")
            assert f"\nbackburner: {unanswered}" in errors
            assert errors.endswith("; it is done as soon as it can be\n")
        (small_disk / "filler").unlink()
        assert verb("wait", "1").returncode == 0
        assert verb("status").stderr == ""


def _refusal(directory: Path) -> str:
    with pytest.raises(TaskSystemError) as caught:
        TaskSystem(directory=directory).start()
    return str(caught.value)


def _unwritable(directory: Path, why: str, remedy: str = "") -> str:
    return (
        f"can't write to the state directory {directory}: {why};"
        f" {remedy}name another folder"
    )


def test_an_unwritable_state_directory_is_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("no folder")
    assert _refusal(state / "main") == _unwritable(state / "main", "Not a directory")


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    directory = small_disk / "state" / "main"
    with running(TaskSystem(directory=directory)):
        pass
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert _refusal(directory) == _unwritable(
        directory, "Read-only file system", "make it writable, or "
    )


def test_a_temporary_folder_that_cannot_be_deleted_is_named(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    system = TaskSystem()
    with running(system):
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    (folder,) = small_disk.iterdir()
    (problem,) = system.problems
    assert problem == (
        "a step of the session's end failed: can't delete the temporary folder"
        f" {folder}: Read-only file system; delete it"
    )
    # Nothing remains to be done, and the error persists.
    system.stop()
    assert system.problems == (problem,)


def test_state_files_are_readable_only_by_their_owner(state: Path) -> None:
    before = os.umask(0)
    try:
        program = Program(state)
    finally:
        os.umask(before)
    with program:
        program.send("!echo secret")
        program.wait_for_event(TaskEvent.COMPLETE, 1)
        modes = {
            (path.is_dir(), f"{path.stat().st_mode & 0o777:o}")
            for path in [state / "main", *(state / "main").rglob("*")]
        }
    assert modes == {(True, "700"), (False, "600")}


def test_a_task_keeps_running_when_the_output_folder_is_deleted(state: Path) -> None:
    sign = state.parent / "sign"
    with Program(state) as program:
        program.send(f"!echo one; until [ -e {sign} ]; do sleep 0.02; done; echo two")
        program.wait_for_event(TaskEvent.PROGRESS, 1)
        shutil.rmtree(state / "main/output")
        sign.touch()
        assert program.wait_for_event(TaskEvent.COMPLETE, 1).exit_code == 0
        program.send("/output 1", "!echo three", "/output 2")
        text = _wait_for_text(program, "error", "can't read the output of #1")
        assert text.endswith("No such file or directory")
        assert program.wait_for_event(TaskEvent.COMPLETE, 2).last_line == "three"
        program.send("/quit")
        assert program.wait() == 0


# Files that are not a journal, or no longer one


def _truncate(journal: Path) -> None:
    os.truncate(journal, journal.stat().st_size * 2 // 3)


def _empty_tables(journal: Path) -> None:
    with contextlib.closing(sqlite3.connect(journal)) as db:
        db.executescript("DROP TABLE tasks; DROP TABLE meta;")


def _foreign(journal: Path) -> None:
    journal.unlink()
    with contextlib.closing(sqlite3.connect(journal)) as db:
        db.executescript("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')")


_DAMAGE: Final[dict[str, Callable[[Path], object]]] = {
    "random bytes": lambda journal: journal.write_bytes(os.urandom(5000)),
    "a cut": _truncate,
    "a short file": lambda journal: os.truncate(journal, 50),
    "a text": lambda journal: journal.write_text("Dear diary,\n" * 100),
    "another program's database": _foreign,
    "lost tables": _empty_tables,
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a session's folder with twenty finished tasks, to be copied."""
    folder = tmp_path_factory.mktemp("session") / "main"
    with running(TaskSystem(directory=folder)) as system:
        for number in range(20):
            system.add(f"Task {number} {'x' * 300}", "bash", "echo done")
        system.wait(timeout=PATIENCE)
    return folder


@pytest.mark.parametrize("damage", _DAMAGE)
def test_a_damaged_journal_is_set_aside_and_never_deleted(
    damage: str, session: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(session, tmp_path / "main"))
    _DAMAGE[damage](folder / "session.db")
    before = (folder / "session.db").read_bytes()
    outputs = sorted(path.name for path in (folder / "output").iterdir())
    with running(TaskSystem(directory=folder)) as system:
        (warning,) = system.warnings
        assert system.list() == ()
        # Ids are not reused, because their output files still exist.
        assert system.add("Next", "bash", "true").id == 21
        system.wait(timeout=PATIENCE)
    (aside,) = folder.glob("session.db.damaged-*[0-9]")
    assert aside.read_bytes() == before
    assert str(aside) in warning
    assert "\n" not in warning
    assert {*outputs, "21.log"} == {path.name for path in (folder / "output").iterdir()}


@soak_only
def test_the_program_reports_a_damaged_journal(session: Path, state: Path) -> None:
    shutil.copytree(session, state / "main")
    (state / "main/session.db").write_text("Dear diary,\n" * 100)
    with Program(state) as program:
        text = _wait_for_text(
            program, "error", f"{state / 'main/session.db'} is damaged"
        )
        assert "it was set aside as" in text
        program.send("!echo on we go")
        assert program.wait_for_event(TaskEvent.COMPLETE, 21).last_line == "on we go"
        program.send("/quit")
        assert program.wait() == 0


def test_no_damage_causes_another_failure(
    session: Path, tmp_path: Path, chance: random.Random, *, soak: bool
) -> None:
    """A damaged journal either opens or is reported."""
    whole = (session / "session.db").read_bytes()
    for _ in range(500 if soak else 10):
        folder = tmp_path / "main"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(session, folder)
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 3, 30, 300])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (folder / "session.db").write_bytes(damaged)
        system = TaskSystem(directory=folder, kinds=[FakeKind()])
        with contextlib.suppress(TaskSystemError):
            system.start()
            news: Recorder[object] = Recorder()
            system.subscribe(news, shows=True)
        system.stop()


def test_a_journal_of_a_newer_version_is_unchanged(
    session: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(session, tmp_path / "main"))
    newer = len(MIGRATIONS) + 1
    with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
        db.execute(f"PRAGMA user_version = {newer}")
    before = (folder / "session.db").read_bytes()
    system = TaskSystem(directory=folder)
    with pytest.raises(TaskSystemError, match=f"newer version .*schema {newer}, this"):
        system.start()
    assert (folder / "session.db").read_bytes() == before
    assert not [*folder.glob("*damaged*")]


_VERSION_1: Final = """
    PRAGMA application_id = 0x6261636B;
    PRAGMA user_version = 1;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, snapshot TEXT NOT NULL
    );
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, event TEXT NOT NULL,
        snapshot TEXT NOT NULL
    );
    CREATE INDEX changes_of_task ON changes (task_id);
    CREATE TABLE processes (
        task_id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, created REAL NOT NULL
    );
    INSERT INTO meta VALUES ('next_id', 4), ('seq', 7), ('shown', 5), ('clean', 0),
        ('session_key', '0123456789ab');
    INSERT INTO tasks VALUES
        (1, 3, '{"id":1,"description":"Build","kind":"bash","args":["make"],"origin":"",
            "status":"failed","reason":"exit status 2","error":"exit status 2",
            "queued_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:05Z",
            "ended_at":"2026-01-02T03:04:07Z","duration":2.0,"exit_code":2,
            "progress":null,"output_path":"/gone/1.log","output_size":5,
            "last_line":"oops"}'),
        (2, 6, '{"id":2,"description":"Serve","kind":"bash","args":["sleep 1"],
            "status":"running","reason":"running","queued_at":"2026-01-02T03:04:05Z",
            "started_at":"2026-01-02T03:04:06Z","duration":0.0}'),
        (3, 7, '{"id":3,"description":"Next","kind":"bash","args":["true"],
            "reason":"waiting for a slot (1 of 1 busy)",
            "queued_at":"2026-01-02T03:04:06Z","output_path":"/gone/3.log"}');
    INSERT INTO changes SELECT 3, id, 'failed', snapshot FROM tasks WHERE id = 1;
    INSERT INTO changes SELECT 6, id, 'running', snapshot FROM tasks WHERE id = 2;
    INSERT INTO changes SELECT 7, id, 'queued', snapshot FROM tasks WHERE id = 3;
    INSERT INTO processes VALUES (2, 1, 0.0);
"""
"""A journal with the first version of the schema, after a crash."""


def test_a_journal_of_the_first_version_loads(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
        db.executescript(_VERSION_1)
    with running(TaskSystem(directory=folder)) as system:
        assert system.warnings == ()
        first, second, third = system.wait(1, 2, 3, timeout=PATIENCE)
        assert (first.status, first.exit_code) == (TaskStatus.FAILED, 2)
        assert second.reason == "the session ended while it ran"
        # Version 1 stored no directory, and a guess could run the task anywhere.
        assert third.status is TaskStatus.FAILED
        assert "the directory in which it was added is not known" in third.reason
        # The folder has been renamed since.
        assert third.output_path == str(folder / "output/3.log")
        assert system.add("New", "bash", "true").id == 4
        system.wait(timeout=PATIENCE)
    SqliteJournal(folder / "session.db").release()
    with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
    assert version == len(MIGRATIONS)


# Limits of output


def test_the_output_limit_ends_a_runaway_task(tmp_path: Path) -> None:
    system = TaskSystem(directory=tmp_path, output_limit=100_000, grace=600)
    with running(system):
        task = system.add("Flood", "bash", "trap '' TERM; yes & yes")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.FAILED
    assert ended.reason == "its output went beyond the limit of 97.7 KiB"
    assert ended.output_size > 100_000


def test_a_full_session_forgets_the_oldest_and_then_ends_the_writing_task(
    tmp_path: Path,
) -> None:
    outputs = tmp_path / "output"
    system = TaskSystem(directory=tmp_path, session_output_limit=100_000, grace=600)
    with running(system):
        old = system.add("Old", "bash", "head -c 60000 /dev/zero")
        system.wait(old.id, timeout=PATIENCE)
        kept = system.add("Kept", "bash", "head -c 60000 /dev/zero")
        system.wait(kept.id, timeout=PATIENCE)
        # When this is answered, the file of the oldest task is deleted.
        assert [task.id for task in system.list()] == [kept.id]
        assert not (outputs / f"{old.id}.log").exists()
        task = system.add("Flood", "bash", "trap '' TERM; yes & yes")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.FAILED
        reason = "the session's output went beyond the limit of 97.7 KiB"
        assert ended.reason == reason
        assert [task.id for task in system.list()] == [kept.id, ended.id]
    # Forgetting it would free no space.
    assert (outputs / f"{kept.id}.log").stat().st_size == 60000


def test_a_limit_kills_a_task_only_once(tmp_path: Path) -> None:
    """A process that hangs in the kernel would otherwise be killed again and again."""
    kind = FakeKind(writes_output=True, ignores={"kill"})
    system = TaskSystem(directory=tmp_path, output_limit=10, kinds=[kind])
    with running(system):
        job = kind.job(system.add("Stuck", "fake").id)
        job.write(b"more than is allowed")
        job.asked.wait_for(lambda step: step == "kill")
        for _ in range(3):
            job.context.look()
        job.asked.wait_for_count(str, 6)
        system.queue.tell(CancelTask(1, now=True))
        job.fail("killed at last")
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.reason == "its output went beyond the limit of 10 B"
    assert job.asked.received.count("kill") == 1
