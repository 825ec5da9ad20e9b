"""The tables of a journal: creates them, and checks that there are no others."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from typing import TYPE_CHECKING, Final

from ..rules.safe_text import brief
from .errors import DamagedJournalError, JournalError, explained

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x6261636B
"""The application id in SQLite files of this program, at byte 68 (`back`)."""

MIGRATIONS: Final[tuple[str, ...]] = (
    """
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
    INSERT INTO meta VALUES
        ('next_id', 1), ('seq', 0), ('shown', 0), ('clean', 1);
    """,
    """
    CREATE TABLE chat (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, message TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE environments (id INTEGER PRIMARY KEY, variables BLOB NOT NULL);
    ALTER TABLE tasks ADD COLUMN environment INTEGER;
    """,
    """
    CREATE TABLE schedules (
        id INTEGER PRIMARY KEY, snapshot TEXT NOT NULL, environment INTEGER
    );
    """,
    # Same tables. The version keeps older programs from running tasks here that belong
    # on other machines, and from never resuming paused ones.
    "",
)
"""The steps from each version of the schema to the next."""

_STATISTICS: Final = frozenset({"sqlite_stat1", "sqlite_stat4"})
"""Tables that `ANALYZE` creates, the only foreign tables allowed in a journal."""


def check_tables(db: sqlite3.Connection, path: Path) -> int:
    """Return the version of a journal's tables, after checking them.

    Raises:
        DamagedJournalError: If there are other tables, or the file belongs to another
            program.
        JournalError: If it is of a newer version.
    """
    with explained(path):
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (objects,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if objects and application != APPLICATION_ID:
        raise DamagedJournalError(f"{path} belongs to another program")
    refuse_newer(version, path)
    with explained(path):
        _check_schema(db, version)
    return version


def migrate(db: sqlite3.Connection, version: int) -> None:
    """Upgrade the tables of an older version."""
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(
            f"BEGIN; {script} PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {number}; COMMIT;"
        )


def refuse_newer(version: int, path: Path) -> None:
    """Raise if the tables are of a newer version of this program.

    Raises:
        JournalError: If they are.
    """
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer version of this program"
            f" (schema {version}, this one knows {len(MIGRATIONS)}); update it,"
            " or open another session"
        )


def _check_schema(db: sqlite3.Connection, version: int) -> None:
    """Reject a file that does not have exactly the tables of its version.

    A view could be endless, and a trigger could do anything.
    """
    if version < 0:
        raise ValueError(f"there is no schema {version}")
    expected, there = _schema(version), dict[str, str]()
    roots: set[int] = set()
    rows = db.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema")
    for kind, name, table, root, sql in rows:
        if name in _STATISTICS and kind == "table":
            continue
        text = _schema_text(kind, table, sql)
        if expected.get(name) != text or name in there:
            what = f"{brief(str(kind))} {brief(str(name))}"
            raise ValueError(f"{what} is not what this program makes")
        there[name] = text
        # The first page is that of the schema itself.
        if root in roots or root <= 1:
            raise ValueError(f"{name} is in the place of something else")
        roots.add(root)
    if missing := sorted(expected.keys() - there):
        raise ValueError(f"{', '.join(missing)} missing")


@functools.cache
def _schema(version: int) -> dict[str, str]:
    """Return the definitions in a file of this schema version, by name."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS[:version]:
            db.executescript(script)
        rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
        return {name: _schema_text(kind, table, sql) for kind, name, table, sql in rows}


def _schema_text(kind: object, table: object, sql: object) -> str:
    # Older versions of this program broke the lines differently.
    return f"{kind} {table} {' '.join(str(sql).split())}"
