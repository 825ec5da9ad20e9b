"""The journal alone: storing and loading."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from backburner.actors import (
    ChatMessage,
    Outcome,
    Schedule,
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    Terms,
)
from backburner.actors.journal.environments import EnvironmentRows
from backburner.actors.journal.errors import (
    BusyJournalError,
    DamagedJournalError,
    JournalError,
)
from backburner.actors.journal.protocol import Everything
from backburner.actors.journal.sqlite import CHAT_KEPT, SqliteJournal
from backburner.actors.journal.sqlite_file import wipe
from backburner.actors.journal.written import text_of
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.rules.variables import Variables
from backburner.actors.testing import make_task
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    OpenJournal = Callable[[], SqliteJournal]

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _task(number: int) -> Task:
    return Task(
        id=number,
        description=f"Task {number}",
        kind="fake",
        reason="starting",
        queued_at=_NOON,
    )


def _ended(number: int, seq: int) -> TaskChanged:
    task = _task(number).started(_NOON).ended(Outcome.complete(), _NOON, 1.0)
    return TaskChanged(seq, TaskEvent.COMPLETE, task)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.db"


@pytest.fixture
def open_journal(path: Path) -> Iterator[OpenJournal]:
    journals: list[SqliteJournal] = []

    def open_journal() -> SqliteJournal:
        for journal in journals:
            journal.release()
        journals.append(SqliteJournal(path))
        return journals[-1]

    yield open_journal
    for journal in journals:
        journal.release()


def _count(path: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return count


def test_many_unshown_changes_keep_their_order(open_journal: OpenJournal) -> None:
    # More than one read returns, of changed tasks and of others.
    changes = [
        TaskChanged(seq, TaskEvent.QUEUED, _task(seq)) for seq in range(1, 701)
    ] + [_ended(number, 700 + number) for number in range(700, 0, -3)]
    changes.sort(key=lambda it: it.seq)
    journal = open_journal()
    for change in changes:
        journal.changed(change)
    journal.commit()
    memory = open_journal().load()
    assert memory.unshown == tuple(changes)
    last = {it.task.id: it.seq for it in changes}
    assert memory.last_changes == last
    assert memory.order == tuple(sorted(last, key=last.__getitem__))


def test_a_change_is_found_after_many_changes_stored_with_their_tasks(
    open_journal: OpenJournal,
) -> None:
    # One full read contains the last changes of its tasks.
    last = 1100
    changes = [
        TaskChanged(seq, TaskEvent.QUEUED, _task(seq)) for seq in range(1, last + 1)
    ]
    changes.append(_ended(last, last + 1))
    journal = open_journal()
    for change in changes:
        journal.changed(change)
    journal.commit()
    assert open_journal().load().unshown == tuple(changes)


def test_tasks_are_found_on_both_sides_of_a_long_gap(open_journal: OpenJournal) -> None:
    # Longer than one read, like its neighbours.
    changes = [_ended(number, number) for number in range(1, 2401)]
    journal = open_journal()
    for change in changes:
        journal.changed(change)
    journal.commit()
    gone = range(701, 1801)
    journal.forgot(gone)
    journal.settled(gone)
    journal.commit()
    left = [it for it in changes if it.task.id not in gone]
    memory = open_journal().load()
    assert memory.tasks == tuple(it.task for it in left)
    assert memory.unshown == tuple(left)
    assert (memory.next_id, memory.seq) == (2401, 2400)


@pytest.mark.parametrize(
    "damage",
    [
        "event = 'complete'",
        "event = ''",
        "event = 'queued' || char(10) || 'queued'",
        "event = 'queued,queued'",
        "snapshot = snapshot || ',' || snapshot",
        "snapshot = ''",
    ],
)
def test_an_invalid_change_is_damage(
    open_journal: OpenJournal, path: Path, damage: str
) -> None:
    journal = open_journal()
    journal.changed(TaskChanged(1, TaskEvent.QUEUED, _task(1)))
    journal.changed(TaskChanged(2, TaskEvent.QUEUED, _task(2)))
    journal.commit()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE changes SET {damage} WHERE seq = 1")  # noqa: S608
    with pytest.raises(DamagedJournalError):
        open_journal().load()


def test_a_description_that_looks_like_a_stored_task_is_kept(
    open_journal: OpenJournal, path: Path
) -> None:
    # Unset fields are left out of a task's JSON, but not out of a text in it.
    plain = _task(1)
    text = msgspec.json.encode(plain).decode()
    task = replace(plain, description=text, args=(text, text[1:-1]))
    journal = open_journal()
    journal.changed(TaskChanged(1, TaskEvent.QUEUED, task))
    journal.commit()
    with closing(sqlite3.connect(path)) as db:
        ((written,),) = db.execute("SELECT snapshot FROM changes").fetchall()
    assert "started_at" not in msgspec.json.decode(written)
    memory = open_journal().load()
    assert memory.tasks == (task,)
    assert memory.unshown == (TaskChanged(1, TaskEvent.QUEUED, task),)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "running"},
        {"status": "complete"},
        {"status": "failed", "reason": "exit status 1", "progress": 40},
        {"status": "complete", "key": "k", "terms": Terms(group="x"), "place": (1, 2)},
        {"status": "canceled", "started_at": None, "duration": None},
        {"status": "complete", "paused_for": 2.0, "output_size": 7, "slot": 0},
    ],
    ids=str,
)
def test_absent_fields_are_omitted_from_the_stored_task(fields: dict[str, Any]) -> None:
    plain = make_task(1, **fields)
    whole = msgspec.json.encode(plain).decode()
    assert len(text_of(plain)) < len(whole)
    for task in (plain, replace(plain, description=whole, args=(whole, whole[1:-1]))):
        assert msgspec.json.decode(text_of(task), type=Task) == task


def test_shown_changes_stay_shown_after_a_lower_number(
    open_journal: OpenJournal,
) -> None:
    journal = open_journal()
    journal.load()
    for number in (1, 2, 3):
        journal.changed(_ended(number, number))
    journal.shown(2)
    journal.shown(1)
    journal.commit()
    again = open_journal()
    assert again.load().unshown == (_ended(3, 3),)
    again.shown(1)
    again.commit()
    assert open_journal().load().unshown == (_ended(3, 3),)


def test_changes_of_a_forgotten_task_are_kept_until_settled(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    for number in (1, 2, 3):
        journal.changed(_ended(number, number))
    journal.shown(1)
    journal.forgot([1, 2, 3])
    journal.settled([1])
    journal.commit()
    again = open_journal()
    memory = again.load()
    assert memory.tasks == ()
    assert (memory.next_id, memory.seq, memory.shown) == (4, 3, 1)
    assert [change.task.id for change in memory.unshown] == [2, 3]
    again.settled([2, 3])
    again.commit()
    assert _count(path, "changes") == 0


def test_a_file_size_limit_is_named_and_pending_changes_are_kept(path: Path) -> None:
    journal = SqliteJournal(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = path.stat().st_size
    message = ChatMessage(datetime.now(UTC), "main", "you", "x" * limit)
    journal.said(message, 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(JournalError, match=f"larger than {limit} B; raise ulimit"):
            journal.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.commit()
    assert journal.transcript(10) == (message,)
    journal.close(clean=True)


def test_a_locked_journal_is_reported_at_once_and_pending_changes_are_kept(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    journal.changed(_ended(1, 1))
    journal.be_patient(0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyJournalError, match="is in use by another program"):
            journal.commit()
        other.execute("ROLLBACK")
    journal.commit()
    assert [task.id for task in open_journal().load().tasks] == [1]


def test_tasks_whose_total_is_too_long_are_no_damage(open_journal: OpenJournal) -> None:
    """Such as 61 tasks with commands of 17 MB, in view of SQLite's limits."""
    journal = open_journal()
    journal.load()
    for number in range(1, 300):
        journal.changed(_ended(number, number))
    journal.commit()
    again = open_journal()
    db = again._file.get()  # pyright: ignore[reportPrivateUsage]
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 3_000)
    assert [task.id for task in again.load().tasks] == [*range(1, 300)]


def test_only_the_most_recent_messages_are_kept(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    for number in range(CHAT_KEPT + 3):
        journal.said(ChatMessage(_NOON, "main", "you", f"{number}"), 0)
    journal.commit()
    again = open_journal()
    again.load()
    assert _count(path, "chat") == CHAT_KEPT
    (last,) = again.transcript(1)
    assert isinstance(last, ChatMessage)
    assert last.text == f"{CHAT_KEPT + 2}"


def test_the_processes_of_another_session_are_not_loaded(
    open_journal: OpenJournal,
) -> None:
    journal = open_journal()
    key = journal.load().session_key
    running = _task(1).started(_NOON)
    journal.changed(TaskChanged(1, TaskEvent.RUNNING, running))
    journal.runs_as(ProcessRecord(1, 4711, 5.0))
    journal.commit()
    assert open_journal().load(key).processes == (ProcessRecord(1, 4711, 5.0),)
    assert open_journal().load("0123456789ab").processes == ()
    left = open_journal()
    assert left.load().session_key == "0123456789ab"
    # When no process carries the key any more, a copy need not share it.
    left.close(clean=True)
    assert open_journal().load().session_key not in {key, "0123456789ab"}


def test_sequence_numbers_are_copied_elsewhere_after_each_write(path: Path) -> None:
    shown: list[tuple[int, int]] = []
    fails = False

    def keep(next_id: int, seq: int) -> None:
        if fails:
            raise JournalError("no room")
        shown.append((next_id, seq))

    journal = SqliteJournal(path, keep)
    journal.load()
    journal.changed(_ended(1, 1))
    journal.commit()
    journal.shown(1)
    journal.commit()
    assert shown == [(2, 1)]
    journal.changed(_ended(2, 2))
    fails = True
    with pytest.raises(JournalError, match="no room"):
        journal.commit()
    fails = False
    # The change is stored already, but not announced before this write too.
    journal.commit()
    assert shown == [(2, 1), (3, 2)]
    journal.close(clean=True)
    assert shown == [(2, 1), (3, 2)]


def test_a_damaged_replacement_is_not_replaced_again(
    path: Path, open_journal: OpenJournal
) -> None:
    """A disk that damages everything would otherwise fill with damaged files."""
    journal = open_journal()
    journal.load()
    task = _ended(1, 1).task
    everything = Everything([task], [_ended(1, 1)])
    why = DamagedJournalError("it is damaged")
    assert str(path) in journal.start_over(everything, why)
    with pytest.raises(JournalError, match="writing a new file failed too"):
        journal.start_over(everything, why)
    assert len([*path.parent.glob("*.damaged-*[0-9]")]) == 1
    journal.commit()
    assert "damaged-" in journal.start_over(everything, why)
    journal.commit()
    memory = open_journal().load()
    assert (memory.tasks, memory.unshown) == ((task,), (_ended(1, 1),))


def _queue(
    journal: SqliteJournal, task: Task, seq: int, environment: Variables | None
) -> None:
    journal.changed(TaskChanged(seq, TaskEvent.QUEUED, task), environment)


def test_equal_environments_share_one_row_while_a_task_waits(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    first, second, third = (_task(number) for number in (1, 2, 3))
    _queue(journal, first, 1, Variables({"KEY": "value"}))
    _queue(journal, second, 2, Variables({"KEY": "value"}))
    _queue(journal, third, 3, Variables({"KEY": "caf\udce9", "EMPTY": ""}))
    journal.commit()
    assert _count(path, "environments") == 2
    journal.changed(TaskChanged(4, TaskEvent.RUNNING, first.started(_NOON)))
    canceled = third.ended(Outcome.canceled("canceled"), _NOON)
    journal.changed(TaskChanged(5, TaskEvent.CANCELED, canceled))
    journal.commit()
    assert _count(path, "environments") == 1
    memory = open_journal().load()
    assert memory.environments == {2: {"KEY": "value"}}


def test_a_task_that_starts_at_once_leaves_no_trace_of_its_environment(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    task = _task(1)
    _queue(journal, task, 1, Variables({"KEY": "s3cret"}))
    journal.changed(TaskChanged(2, TaskEvent.RUNNING, task.started(_NOON)))
    journal.commit()
    assert not journal.has_traces
    assert b"s3cret" not in _bytes(path)


def test_a_deleted_environment_is_wiped(path: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.load()
    secrets = [f"s3cret-{number}-".ljust(3000, "x") for number in range(20)]
    for number, secret in enumerate(secrets, 1):
        _queue(journal, _task(number), number, Variables({"KEY": secret}))
        journal.commit()
    assert b"s3cret-1-" in _bytes(path)
    for number in range(1, 20):
        running = _task(number).started(_NOON)
        journal.changed(TaskChanged(20 + number, TaskEvent.RUNNING, running))
        journal.commit()
    assert journal.has_traces
    assert wipe(journal.begin_wipe())
    journal.end_wipe(done=True)
    assert not journal.has_traces
    found = _bytes(path)
    assert not [it for it in range(1, 20) if f"s3cret-{it - 1}-".encode() in found]
    assert b"s3cret-19-" in found, "one still waits"


def test_a_file_in_use_is_wiped_later(path: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.load()
    _queue(journal, _task(1), 1, Variables({"KEY": "s3cret"}))
    journal.commit()
    journal.changed(TaskChanged(2, TaskEvent.RUNNING, _task(1).started(_NOON)))
    journal.commit()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM meta").fetchone()
        assert not wipe(journal.begin_wipe())
        journal.end_wipe(done=False)
        assert journal.has_traces
    assert wipe(journal.begin_wipe())
    journal.end_wipe(done=True)
    assert not journal.has_traces
    assert b"s3cret" not in _bytes(path)


def test_rows_deleted_during_a_wipe_are_wiped_afterwards(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    for number in (1, 2):
        _queue(journal, _task(number), number, Variables({"KEY": f"s3cret-{number}"}))
    journal.commit()
    journal.changed(TaskChanged(3, TaskEvent.RUNNING, _task(1).started(_NOON)))
    journal.commit()
    assert wipe(journal.begin_wipe())
    journal.changed(TaskChanged(4, TaskEvent.RUNNING, _task(2).started(_NOON)))
    journal.commit()
    journal.end_wipe(done=True)
    assert journal.has_traces
    assert path.exists()


def test_a_wipe_does_not_create_a_missing_file(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with pytest.raises(JournalError):
        wipe(path)
    assert not path.exists()


def test_the_environment_of_a_schedule_is_kept_until_its_removal(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    schedule = Schedule(
        id=3,
        request=TaskRequest("Job", "bash"),
        every="15m",
        zone="UTC",
        made_at=_NOON,
        since=_NOON,
        next_due=_NOON,
    )
    variables = Variables({"KEY": "s3cret-key"})
    journal.scheduled(schedule, variables)
    journal.commit()
    path.unlink()
    journal.scheduled(replace(schedule, runs=1), variables)
    with pytest.raises(DamagedJournalError) as caught:
        journal.commit()
    journal.start_over(Everything([]), caught.value)
    journal.commit()
    journal.close(clean=False)

    journal = open_journal()
    memory = journal.load()
    assert memory.schedules == (replace(schedule, runs=1),)
    assert memory.schedule_environments == {3: variables}
    assert (memory.environments, memory.next_schedule) == ({}, 4)
    assert b"s3cret-key" in _bytes(path)
    journal.unscheduled(3)
    journal.commit()
    assert wipe(journal.begin_wipe())
    journal.end_wipe(done=True)
    assert b"s3cret-key" not in _bytes(path)
    journal.close(clean=True)
    memory = open_journal().load()
    assert (memory.schedules, memory.next_schedule) == ((), 4)


def test_a_replacement_file_contains_the_environments(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    task = _task(1)
    _queue(journal, task, 1, Variables({"KEY": "value"}))
    journal.commit()
    path.unlink()
    _queue(journal, _task(2), 2, None)
    with pytest.raises(DamagedJournalError) as caught:
        journal.commit()
    journal.start_over(Everything([task, _task(2)]), caught.value)
    journal.commit()
    assert open_journal().load().environments == {1: {"KEY": "value"}}


def test_a_task_without_its_environment_is_damage(
    path: Path, open_journal: OpenJournal
) -> None:
    journal = open_journal()
    journal.load()
    _queue(journal, _task(1), 1, Variables({"KEY": "value"}))
    journal.commit()
    journal.release()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM environments")
    with pytest.raises(DamagedJournalError, match="has lost its environment"):
        open_journal().load()


def test_missing_environments_do_not_cause_a_quadratic_search(
    path: Path, open_journal: OpenJournal
) -> None:
    class LongQueue(list[int]):
        def __contains__(self, key: object) -> bool:
            raise NotImplementedError

    open_journal().release()
    with contextlib.closing(sqlite3.connect(path)) as db:
        rows, waiting = EnvironmentRows(), LongQueue([2, 3])
        with pytest.raises(ValueError, match="task 2 has lost its environment"):
            rows.load(db, {1: [3, 1, 2]}, waiting)


def _bytes(path: Path) -> bytes:
    files = (path, path.with_name(f"{path.name}-wal"))
    return b"".join(it.read_bytes() for it in files if it.exists())
