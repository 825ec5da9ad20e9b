"""The file of a journal: its schema, how it is opened, what can be wrong with it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.safe_text import brief, safe_line

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

APPLICATION_ID: Final = 0x6261636B
"""What SQLite files of this program carry at byte 68 (`back`)."""

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
)
"""How each version of the schema is made from the one before it."""

_PARTS: Final = frozenset(
    {
        "meta",
        "tasks",
        "changes",
        "changes_of_task",
        "processes",
        "chat",
        "environments",
    }
)

LOCK_TIMEOUT: Final = 0.25
"""Seconds to wait for a program that holds the file, while nobody else waits."""

_PRIMARY: Final = 0xFF  # the part of an SQLite error code that names its family
_LITTLE_ROOM: Final = 1 << 16  # bytes; what SQLite wants to share with other readers
_NOT_ITS_FAULT: Final = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""What SQLite says when the file may be whole, and only can't be used now."""


class JournalError(Exception):
    """The journal could not be read or written; the text says why."""


class DamagedJournalError(JournalError):
    """The file is not, or no longer, a journal of this program.

    No waiting helps against that.
    """


class BusyJournalError(JournalError):
    """Another program holds the file, perhaps only for a moment."""


class ForeignSessionError(JournalError):
    """Somebody else has a session where this one was.

    Nothing there is to be touched any more.
    """


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal's file; make it if it is missing, and bring its schema up to date.

    Blocks for the file system. The connection may be used on any thread, but on one at
    a time.

    Raises:
        DamagedJournalError: If the file is not a journal, or is damaged.
        JournalError: If it can't be opened, or is of a newer version.
    """
    try:
        path.touch(mode=0o600)
        db = sqlite3.connect(
            path,
            timeout=LOCK_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
        )
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"can't open {path}: {error}") from error
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def be_patient(db: sqlite3.Connection, seconds: float) -> None:
    """Let each statement wait so long for a program that holds the file."""
    db.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")


def check(db: sqlite3.Connection, *, thoroughly: bool) -> None:
    """Look for damage that reading the tasks would not meet.

    Args:
        db: The file.
        thoroughly: Whether to look at the structure of every page; takes about a
            millisecond for a megabyte.

    Raises:
        ValueError: If there is some; the text says what.
        sqlite3.Error: The same, or if the file can't be read.
    """
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    if missing := sorted(_PARTS - there):
        raise ValueError(f"{', '.join(missing)} missing")
    if thoroughly:
        (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise ValueError(answer)


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn what goes wrong with a journal's file into a `JournalError` that says why.

    Raises:
        BusyJournalError: If another program holds it.
        DamagedJournalError: If the file itself is to blame.
        JournalError: If it may be whole, and only can't be used now.
    """
    try:
        yield
    except (
        sqlite3.DatabaseError,
        msgspec.MsgspecError,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
    ) as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code & _PRIMARY in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            text = f"{path} is in use by another program; close that"
            raise BusyJournalError(text) from error
        if code & _PRIMARY in _NOT_ITS_FAULT:
            raise JournalError(f"{path}: {_cause(path, error)}") from error
        why = safe_line(brief(str(error)))
        raise DamagedJournalError(f"{path} is damaged: {why}") from error


def set_aside(path: Path) -> Path | None:
    """Give a journal's file another name, with what SQLite keeps beside it.

    Returns:
        The new name of the file; none if it is gone.

    Raises:
        JournalError: If that can't be done.
    """
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                beside = path.with_name(path.name + suffix)
                beside.rename(aside.with_name(aside.name + suffix))
        path.rename(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"can't set {path} aside: {error.strerror}") from error
    return aside


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    with explained(path):
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (objects,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if objects and application != APPLICATION_ID:
        raise DamagedJournalError(f"{path} belongs to another program")
    if version > len(MIGRATIONS):
        raise JournalError(
            f"{path} was written by a newer version of this program"
            f" (schema {version}, this one knows {len(MIGRATIONS)}); update it,"
            " or open another session"
        )
    with explained(path):
        db.execute("PRAGMA journal_mode = WAL")
        # A commit survives the end of this process; only a power cut may undo
        # the last ones, and that ends the jobs as well.
        db.execute("PRAGMA synchronous = NORMAL")
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            db.executescript(
                f"BEGIN; {script} PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {number}; COMMIT;"
            )


def _cause(path: Path, error: Exception) -> str:
    # SQLite calls most ways to run out of room a "disk I/O error".
    with contextlib.suppress(OSError):
        if shutil.disk_usage(path.parent).free < _LITTLE_ROOM:
            return f"the disk is full ({error})"
    return str(error)
