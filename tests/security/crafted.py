"""Sessions with crafted files: the journal, row by row, and the lock file.

`CASES` has one case for each value in each column of each table, in each field of what
is written down as JSON, in the lock file, and for each other schema; `mixed` draws
several of them at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from backburner.actors import (
    ChatMessage,
    Outcome,
    Schedule,
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
)
from backburner.actors.processes import proc
from backburner.actors.rules.attempts import Attempt
from backburner.actors.rules.figures import Figures
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.rules.terms import GroupRules, QueueRules, Terms
from backburner.actors.rules.variables import Variables
from backburner.actors.session.folder import Owner, SessionFolder
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
_LATER: Final = datetime(2100, 6, 1, 12, tzinfo=UTC)
_ESCAPES: Final = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202e"
_LONGEST_WORK: Final = 10_000_000
"""The most SQLite instructions that one statement of a case may run."""

_FAR: Final = "../../../../canary/victim"

COLUMNS: Final = {
    "meta": ("key", "value"),
    "tasks": ("id", "seq", "snapshot", "environment"),
    "changes": ("seq", "task_id", "event", "snapshot"),
    "processes": ("task_id", "pid", "created"),
    "chat": ("id", "seq", "message"),
    "environments": ("id", "variables"),
    "schedules": ("id", "snapshot", "environment"),
}
"""The columns of every table."""

_CELLS: Final[tuple[object, ...]] = (
    None,
    "",
    "x",
    -1,
    0,
    1,
    1 << 31,
    1 << 53,
    (1 << 63) - 1,
    -(1 << 63),
    1.5,
    1e308,
    float("inf"),
    b"\0",
    b"\xff\xfe",
    "a\0b",
    _ESCAPES,
    "9" * 400,
    "[" * 20_000,
    '{"a":' * 20_000,
)

_DATES: Final = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
    "2026-06-01T12:00:00",
    "1969-12-31T23:59:59Z",
)

_FIELDS: Final[tuple[object, ...]] = (
    None,
    "",
    "a\0b",
    _ESCAPES,
    _FAR,
    "x" * 100_000,
    -1,
    0,
    1 << 63,
    1e308,
    True,
    [],
    ["a", "b", "c"],
    ["a\0b"],
    [_ESCAPES],
    [[_ESCAPES, 1.0]],
    [{"name": _ESCAPES}],
    {},
    *_DATES,
)

_TASK_FIELDS: Final = Task.__struct_fields__
_CHAT_FIELDS: Final = ChatMessage.__struct_fields__
_SCHEDULE_FIELDS: Final = Schedule.__struct_fields__
_PARTS: Final = (
    ("tasks", "snapshot", "terms", Terms),
    ("tasks", "snapshot", "attempt", Attempt),
    ("tasks", "snapshot", "figures", Figures),
    ("schedules", "snapshot", "request", TaskRequest),
    ("schedules", "snapshot", "request.terms", Terms),
)
"""The types of the JSON fields."""

_META_KEYS: Final = (
    "next_id",
    "next_schedule",
    "seq",
    "shown",
    "clean",
    "session_key",
    "rules",
    "boot",
    "other",
)
_OTHER_FILES: Final = (
    *("processes", "exits", "keeper", "host.log", "host.starting", "history.jsonl"),
    *("partner.jsonl", "chat.log", "output/1.log", "output/4.log", "output/1.json"),
)
_LOCK_FIELDS: Final = Owner.__struct_fields__

_SCHEMAS: Final[dict[str, str]] = {
    "a recursive view named tasks": (
        "DROP TABLE tasks;"
        "CREATE VIEW tasks AS WITH RECURSIVE n(id) AS"
        " (SELECT 1 UNION ALL SELECT id + 1 FROM n)"
        " SELECT id, id AS seq, '{}' AS snapshot FROM n;"
    ),
    "an endless trigger": (
        "CREATE TRIGGER endless AFTER INSERT ON meta BEGIN"
        " INSERT INTO chat (seq, message) WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'x' FROM n; END;"
    ),
    "a trigger that answers a delete": (
        "CREATE TRIGGER other BEFORE DELETE ON chat BEGIN"
        " UPDATE tasks SET snapshot = 'x'; END;"
    ),
    "a view beside the tables": "CREATE VIEW other AS SELECT * FROM tasks;",
    "a table beside the others": "CREATE TABLE other (x);",
    "an index of an expression": "CREATE INDEX other ON tasks (abs(id));",
    "an index in place of another": (
        "DROP INDEX changes_of_task;"
        "CREATE INDEX changes_of_task ON changes (seq, task_id);"
    ),
    "a column of its own making": (
        "DROP TABLE chat; CREATE TABLE chat (id INTEGER PRIMARY KEY,"
        " seq INTEGER NOT NULL, message TEXT GENERATED ALWAYS AS (hex(id)));"
    ),
    "a check that is endless": (
        "DROP TABLE processes; CREATE TABLE processes (task_id INTEGER PRIMARY KEY,"
        " pid INTEGER NOT NULL CHECK (pid IN (1, 2, length(zeroblob(900000000)))),"
        " created REAL NOT NULL);"
    ),
    "a table with no types": (
        "DROP TABLE tasks; CREATE TABLE tasks (id, seq, snapshot);"
        "INSERT INTO tasks VALUES ('x', 'y', 'z');"
    ),
    "a virtual table": (
        "DROP TABLE chat; CREATE VIRTUAL TABLE chat USING fts5(seq, message);"
    ),
    "a virtual table in the place of tasks": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
        " 'CREATE VIRTUAL TABLE tasks USING dbstat(main)', rootpage = 0"
        " WHERE name = 'tasks';"
    ),
    "two tables in one place": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage ="
        " (SELECT rootpage FROM sqlite_schema WHERE name = 'chat')"
        " WHERE name = 'tasks';"
    ),
    "a table in the place of the schema": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 1"
        " WHERE name = 'tasks';"
    ),
    "nonsense in the schema": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE x'"
        " WHERE name = 'tasks';"
    ),
    "a type that is none": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET type = x'00ff'"
        " WHERE name = 'tasks';"
    ),
    "no tables": "".join(f"DROP TABLE {table};" for table in COLUMNS),
    "statistics of a huge table": (
        "ANALYZE; UPDATE sqlite_stat1 SET stat = '9223372036854775807 0 -1';"
    ),
    "a negative version": "PRAGMA user_version = -1;",
    "version 0 with tables": "PRAGMA user_version = 0;",
    "version 1 with the tables of 2": "PRAGMA user_version = 1;",
    "a version of the future": "PRAGMA user_version = 2147483647;",
    "another program": "PRAGMA application_id = 7;",
    "another encoding": "PRAGMA encoding = 'UTF-16le';",
    "a rollback journal's mode": "PRAGMA journal_mode = DELETE;",
    "many rows": (
        "INSERT INTO chat (seq, message) WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i, '{}' FROM n;"
    ),
}


_LAST_CHANGE: Final = "SELECT c.snapshot FROM changes c WHERE c.seq = tasks.seq"


@dataclass(frozen=True)
class Session:
    """A session's folder in the hands of an attacker who crafts it.

    Attributes:
        folder: The folder.
        canary: A process that is none of the session's.
        created: When the canary was created.
    """

    folder: Path
    canary: int
    created: float

    def sql(self, script: str, *values: object) -> None:
        """Run SQL in the journal as far as SQLite accepts it."""
        with self._journal() as db:
            with contextlib.suppress(sqlite3.Error, OverflowError):
                if values:
                    db.execute(script, values)
                else:
                    db.executescript(script)
            db.commit()

    def edit(self, table: str, column: str, field: str, value: object) -> None:
        """Change one field of all that a column holds as JSON.

        A nested field is named with its path, as `terms.at`.
        """
        with self._journal() as db:
            rows: list[tuple[object, str]] = []
            key = "key" if table == "meta" else "rowid"
            said = column
            if table == "tasks":  # the text of its last change, unless it has another
                said = f"ifnull(nullif({column}, ''), ({_LAST_CHANGE}))"
            with contextlib.suppress(
                sqlite3.Error
            ):  # another case may have dropped the table
                rows = db.execute(f"SELECT {key}, {said} FROM {table}").fetchall()  # noqa: S608
            for row, text in rows:
                # Another case may have stored a value of another type.
                with contextlib.suppress(
                    ValueError, TypeError, AttributeError, RecursionError, sqlite3.Error
                ):
                    row_as_it_is = json.loads(text)
                    *outer, name = field.split(".")
                    inner = row_as_it_is
                    for it in outer:
                        if inner.get(it) is None:
                            inner[it] = {}
                        inner = inner[it]
                    inner[name] = value
                    changed = json.dumps(row_as_it_is)
                    db.execute(
                        f"UPDATE {table} SET {column} = ? WHERE {key} = ?",  # noqa: S608
                        (changed, row),
                    )
            db.commit()

    @contextlib.contextmanager
    def _journal(self) -> Generator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.folder / "session.db")) as db:
            # Another case may have made the table endless.
            db.set_progress_handler(lambda: 1, _LONGEST_WORK)
            yield db

    def lock(self, **changes: object) -> None:
        """Change fields of the lock file; None deletes the file."""
        lock = self.folder / "lock"
        owner: dict[str, Any] = json.loads(lock.read_text())
        owner |= changes
        lock.write_text(json.dumps({k: v for k, v in owner.items() if v is not None}))

    def name_canary(self) -> None:
        """Name the canary as the process of a task."""
        row = (self.canary, self.created)
        self.sql("UPDATE processes SET pid = ?, created = ?", *row)


def write_session(folder: Path) -> None:
    """Write a killed session with a task in every status."""
    session = SessionFolder(folder)
    journal, _, _ = session.open_journal()
    made: list[Task] = []
    for number, (kind, args) in enumerate(
        [("bash", ("true",))] * 4 + [("sleep", ("0",)), ("bash", ("true",))], 1
    ):
        output = f"{session.output}/{number}.log" if kind == "bash" else None
        made.append(
            Task(
                id=number,
                description=f"Task {number}",
                kind=kind,
                args=args,
                origin="main",
                reason="starting",
                queued_at=_NOON,
                output_path=output,
            )
        )
        (session.output / f"{number}.log").write_text(f"output of {number}\n")
    outcomes = (Outcome.complete(), Outcome.failed("bad"), Outcome.canceled("stop"))
    for place, outcome in enumerate(outcomes):
        made[place] = made[place].started(_NOON).ended(outcome, _NOON, 1.0)
    made[3] = made[3].started(_NOON)
    # The fields that versions up to 5 added, in existing tasks.
    terms = Terms(retries=2, retry_delay=0.01, group="some", after=(1,), batch="all")
    made[0] = replace(made[0], figures=Figures(1.5, 1 << 20), slot=1, key="k")
    made[3] = replace(made[3], terms=replace(terms, after=()), node="n")
    made[3] = replace(made[3], attempt=Attempt(2, "exit status 1", step=1))
    made[5] = replace(made[5], terms=terms, place=(1, 2))
    environment = Variables(os.environ)
    for seq, task in enumerate(made, 1):
        event = TaskEvent.of(task.status)
        journal.changed(TaskChanged(seq, event, task), environment)
        journal.runs_as(ProcessRecord(task.id, (1 << 22) - 1, 0.0))
        journal.said(ChatMessage(_NOON, "main", "you", f"message {seq}"), seq)
    for number in (1, 2):
        schedule = Schedule(
            id=number,
            request=TaskRequest(f"Schedule {number}", "bash", ("true",), "main", "/"),
            every="1h",
            zone="UTC",
            made_at=_NOON,
            since=_NOON,
            next_due=_LATER,
        )
        journal.scheduled(schedule, Variables({"NUMBER": str(number)}))
    groups = (GroupRules("some", slots=1), GroupRules("other", paused=True))
    journal.ruled(QueueRules(groups=groups))
    journal.shown(2)
    journal.close(clean=False)
    session.close()
    own(folder)
    for number in (4, 5):
        note(folder, number, (1 << 22) - 1)


def note(folder: Path, task_id: int, pid: int) -> None:
    """Record a process as that of a task, as a host does."""
    owner = msgspec.json.decode((folder / "lock").read_bytes(), type=Owner)
    record = f"{owner.key} {proc.boot_id()} {task_id} {pid} 0 {10**17} -"
    notes = folder / "processes"
    notes.touch(0o600)
    with notes.open("a") as file:
        file.write(record.ljust(127) + "\n")


def own(folder: Path) -> None:
    """Make the lock file name the copied folder."""
    lock, found = folder / "lock", folder.stat()
    owner = msgspec.json.decode(lock.read_bytes(), type=Owner)
    place = (found.st_dev, found.st_ino)
    lock.write_bytes(msgspec.json.encode(replace(owner, folder=place)))


def _cells() -> Iterator[tuple[str, Callable[[Session], None]]]:
    for table, columns in COLUMNS.items():
        for column in columns:
            for value in _CELLS:
                yield (
                    f"{table}.{column} = {_brief(value)}",
                    # Every second row; the others stay as they are.
                    lambda it, t=table, c=column, v=value: it.sql(
                        f"UPDATE OR REPLACE {t} SET {c} = ? WHERE "  # noqa: S608
                        + ("key = 'seq'" if t == "meta" else "rowid % 2 = 0"),
                        v,
                    ),
                )


def _fields() -> Iterator[tuple[str, Callable[[Session], None]]]:
    for table, column, fields in (
        ("tasks", "snapshot", _TASK_FIELDS),
        ("changes", "snapshot", _TASK_FIELDS),
        ("chat", "message", _CHAT_FIELDS),
        ("schedules", "snapshot", _SCHEDULE_FIELDS),
        ("meta", "value", QueueRules.__struct_fields__),
        *(
            (table, column, [f"{field}.{it}" for it in part.__struct_fields__])
            for table, column, field, part in _PARTS
        ),
    ):
        for field in fields:
            for value in _FIELDS:
                yield (
                    f"{table}.{column}.{field} = {_brief(value)}",
                    lambda it, t=table, c=column, f=field, v=value: it.edit(t, c, f, v),
                )
    for key in _META_KEYS:
        for value in _CELLS:
            yield (
                f"meta {key} = {_brief(value)}",
                lambda it, k=key, v=value: it.sql(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)", k, v
                ),
            )


def _locks() -> Iterator[tuple[str, Callable[[Session], None]]]:
    for field in _LOCK_FIELDS:
        for value in (
            *_FIELDS,
            [1, 2],
            [-1, 1 << 70],
            "0" * 12,
            1 << 53,
            (1 << 53) - 1,
        ):
            yield (
                f"lock {field} = {_brief(value)}",
                lambda it, f=field, v=value: it.lock(**{f: v}),
            )
    for name, data in (
        ("empty", b""),
        ("junk", b"\xff\0" * 50),
        ("deep", b'{"x":' * 800),
        ("long", b"x" * 5000),
    ):

        def fill(it: Session, data: bytes = data) -> None:
            (it.folder / "lock").write_bytes(data)

        yield f"lock {name}", fill
    yield "a sparse lock", lambda it: os.truncate(it.folder / "lock", 1 << 40)
    yield "no lock", lambda it: (it.folder / "lock").unlink()


def _processes() -> Iterator[tuple[str, Callable[[Session], None]]]:
    def without_folder(it: Session) -> None:
        it.name_canary()
        it.lock(folder=None)

    def without_lock(it: Session) -> None:
        it.name_canary()
        (it.folder / "lock").unlink()

    def of_older_version(it: Session) -> None:
        it.name_canary()
        it.lock(folder=None, key=None)

    yield "a foreign process, and a lock without a folder", without_folder
    yield "a foreign process, and no lock", without_lock
    yield "a foreign process, and a lock without folder and key", of_older_version
    for name, pid in {
        "0": 0,
        "1": 1,
        "-1": -1,
        "that started the program": os.getpid(),
        "before that": os.getppid(),
        "with the highest id": (1 << 31) - 1,
    }.items():
        yield (
            f"the process {name}",
            lambda it, p=pid: it.sql("UPDATE processes SET pid = ?, created = 0", p),
        )
    for number in (999_999_999_999_999_999, 1 << 53, 10**12, 10**15):

        def far_log(it: Session, number: int = number) -> None:
            for name in ("session.db", "session.db-wal", "session.db-shm", "lock"):
                (it.folder / name).unlink(missing_ok=True)
            (it.folder / f"output/{number}.log").touch()

        yield f"no journal, and the output of task {number}", far_log


def _files() -> Iterator[tuple[str, Callable[[Session], None]]]:
    contents: dict[str, bytes] = {
        "nothing": b"",
        "junk": b"\xff\0\n" * 1000,
        "a line without an end": b"x" * 100_000,
        "deep": b"[" * 20_000 + b"\n",
        "escapes": _ESCAPES.encode() + b"\n",
        "numbers": (b"9" * 18 + b" ") * 10 + b"\n",
    }
    for name in _OTHER_FILES:
        for label, content in contents.items():

            def fill(it: Session, name: str = name, content: bytes = content) -> None:
                (it.folder / name).touch(0o600)
                (it.folder / name).write_bytes(content)

            yield f"file {name} = {label}", fill

        def widen(it: Session, name: str = name) -> None:
            (it.folder / name).touch(0o600)
            os.truncate(it.folder / name, 1 << 40)

        yield f"file {name} = a hole", widen
    for values in (
        "0 0 0",
        f"{10**18 - 1} {10**18 - 1} {10**18 - 1}",
        f"99999 {10**18 - 1} {10**18 - 1} {10**18 - 1} {10**19 - 1} x",
    ):

        def end(it: Session, values: str = values) -> None:
            (it.folder / "exits").touch(0o600)
            pid = (1 << 22) - 1
            line = f"{proc.boot_id()} {pid} 1 {values}\n"
            (it.folder / "exits").write_text(line)

        yield f"an exit of {values}", end

    def name_canary(it: Session) -> None:
        it.lock(folder=None)
        note(it.folder, 4, it.canary)

    yield "notes of a foreign process, and a lock without a folder", name_canary


def _schemas() -> Iterator[tuple[str, Callable[[Session], None]]]:
    for name, script in _SCHEMAS.items():
        yield f"schema: {name}", lambda it, s=script: it.sql(s)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:30]}...({len(text)})"


CASES: Final[dict[str, Callable[[Session], None]]] = {
    name: craft
    for cases in (_cells(), _fields(), _locks(), _processes(), _files(), _schemas())
    for name, craft in cases
}
"""Every case by its name."""


def choose(chance: random.Random, count: int) -> list[str]:
    """Draw cases: of every column and field, of every value, and others up to `count`.

    Unique cases, such as another schema, are always included.
    """
    parts: dict[str, list[str]] = {}
    for name in chance.sample(sorted(CASES), len(CASES)):
        for part in name.split(" = "):
            parts.setdefault(part, []).append(name)
    chosen = dict.fromkeys(names[0] for names in parts.values())
    for name in chance.sample(sorted(CASES), len(CASES)):
        if len(chosen) >= count:
            break
        chosen[name] = None
    return [*chosen]


def mixed(seed: int) -> tuple[str, list[Callable[[Session], None]]]:
    """Draw several cases at once, and sometimes damage some random bytes."""
    chance = random.Random(seed)  # noqa: S311 - chooses cases, keeps no secrets
    names = chance.sample(sorted(CASES), chance.randint(2, 5))
    crafts = [CASES[name] for name in names]
    if chance.random() < 0.3:
        names.append("random bytes")

        def spoil(it: Session) -> None:
            journal = it.folder / "session.db"
            data = bytearray(journal.read_bytes())
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            journal.write_bytes(data)

        crafts.append(spoil)
    return f"seed {seed}: {', '.join(names)}", crafts
