"""The file of a journal: opening, checking, wiping, and setting it aside."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ..own_files import NotOwnError, check_file, open_own
from .errors import DamagedJournalError, JournalError, explained
from .schema import check_tables, migrate, refuse_newer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite keeps beside a database."""

_SUPER_JOURNAL: Final = bytes.fromhex("d9d505f920a163d7")
"""The end of a rollback journal that names another file, to be deleted with it."""

LOCK_TIMEOUT: Final = 0.25
"""Seconds to wait for another program that holds the file, in normal use."""

_CHECKPOINT: Final = 4000  # pages of the -wal, 16 MB, per checkpoint
_STEPS: Final = 20_000  # instructions of SQLite between two checks of the limit


class WorkLimit:
    """A time limit for SQLite, because a crafted file could keep it busy forever.

    Counts CPU time of the thread, so that a paused machine or disk does not make a file
    suspicious.
    """

    LONG: Final = 20.0
    """Seconds; a history of millions of tasks takes less."""

    SHORT: Final = 0.5
    """Seconds if a caller waits; a history of 100,000 tasks takes less."""

    def __init__(self, hurried: Callable[[], bool] = lambda: False) -> None:
        self._hurried = hurried
        self._begun: float | None = None

    def renew(self) -> None:
        """Restart the limit at the next callback of SQLite."""
        self._begun = None

    def is_over(self) -> bool:
        """Return whether the limit is exceeded; called by SQLite repeatedly."""
        if self._begun is None:
            self._begun = time.thread_time()
        spent = time.thread_time() - self._begun
        return spent > self.LONG or (spent > self.SHORT and self._hurried())


def connect(path: Path, limit: WorkLimit | None = None) -> sqlite3.Connection:
    """Open a journal's file; create it if it is missing, and upgrade its schema.

    Blocks for the file system. The connection may be used on any thread, but by one at
    a time. Never executes code from the file: it must have exactly the tables of this
    program, and neither views nor triggers.

    Raises:
        DamagedJournalError: If the file is not a journal, or is damaged.
        JournalError: If it can't be opened, is accessible to other users, or is of a
            newer version.
    """
    limit = limit or WorkLimit()
    try:
        _make(path)
        before = _look(path)
        db = sqlite3.connect(
            path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
    except NotOwnError as error:
        raise JournalError(f"can't use {error.filename}: {error.strerror}") from error
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"can't open {path}: {error}") from error
    try:
        db.set_progress_handler(limit.is_over, _STEPS)
        _distrust(db)
        _prepare(db, path)
        _check_same(path, before)
    except BaseException:
        db.close()
        raise
    return db


def check_version(path: Path) -> None:
    """Check that this version of the program can read a journal. Changes nothing.

    Another program may have it open. Blocks for the file system.

    Raises:
        JournalError: If it can't be read, or is of a newer version.
    """
    with explained(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
        finally:
            db.close()
    refuse_newer(version, path)


def wipe(path: Path) -> bool:
    """Overwrite deleted data in the files that SQLite keeps beside the journal.

    Blocks for the disk, and up to `LOCK_TIMEOUT` for other users of the file. Opens a
    connection of its own, so another thread may have one as well.

    Returns:
        Whether it is done; false if the file was in use.

    Raises:
        JournalError: If it fails.
    """
    try:
        before = _look(path)
        # Not created if it is missing: then there is nothing to overwrite.
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            timeout=LOCK_TIMEOUT,
            isolation_level=None,
            uri=True,
        )
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"can't open {path}: {error}") from error
    with contextlib.closing(db), explained(path):
        _check_same(path, before)
        _distrust(db)
        # Copies nearly all pages without blocking writers; the rest blocks them
        # briefly.
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _make(path: Path) -> None:
    # Not opened if it exists: closing it would drop the locks of all other connections
    # in this process.
    with contextlib.suppress(FileExistsError):
        os.close(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _look(path: Path) -> os.stat_result:
    """Check the file, and the files that SQLite reads with it."""
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            check_file(beside.lstat(), beside)
            if suffix == "-journal":
                _check_rollback(path, beside)
    found = path.lstat()
    check_file(found, path)
    return found


def _check_same(path: Path, before: os.stat_result) -> None:
    # SQLite opens the path itself.
    if not os.path.samestat(before, path.lstat()):
        raise JournalError(f"{path} was replaced while it was opened; try again")


def _check_rollback(path: Path, rollback: Path) -> None:
    fd = open_own(rollback, os.O_RDONLY)
    try:
        length = len(_SUPER_JOURNAL)
        end = os.pread(fd, length, max(0, os.fstat(fd).st_size - length))
    finally:
        os.close(fd)
    if end == _SUPER_JOURNAL:
        raise DamagedJournalError(f"{path} is damaged: {rollback.name} names a file")


def _distrust(db: sqlite3.Connection) -> None:
    """Keep SQLite from executing code from the file."""
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.execute("PRAGMA mmap_size = 0")
    if sys.version_info >= (3, 12):
        for setting, value in (
            (sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True),
            (sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False),
            (sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False),
        ):
            db.setconfig(setting, value)


def check(db: sqlite3.Connection, *, thoroughly: bool) -> None:
    """Check for damage that reading the tasks would not detect.

    Args:
        db: The file.
        thoroughly: Whether to check the structure of every page; takes about a
            millisecond per megabyte.

    Raises:
        ValueError: If there is damage; the text describes it.
        sqlite3.Error: If there is damage, or the file can't be read.
    """
    if thoroughly:
        (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise ValueError(answer)


def set_aside(path: Path) -> Path | None:
    """Rename a journal's file, and the files that SQLite keeps beside it.

    Returns:
        The new name of the file; None if it is gone.

    Raises:
        JournalError: If that fails.
    """
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        for suffix in _BESIDE:
            with contextlib.suppress(FileNotFoundError):
                beside = path.with_name(path.name + suffix)
                beside.rename(aside.with_name(aside.name + suffix))
        path.rename(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"can't set {path} aside: {error.strerror}") from error
    return aside


def set_wal_aside(path: Path) -> Path | None:
    """Rename the files that SQLite keeps beside a journal whose file is gone.

    SQLite would delete them, and they may hold the last changes, or all of them.

    Returns:
        The new name; None if there are none, or if the journal's file exists.

    Raises:
        JournalError: If that fails.
    """
    wal = path.with_name(f"{path.name}-wal")
    try:
        if _size(path) or not _size(wal):
            return None
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        return wal.rename(path.with_name(f"{path.name}.damaged-{stamp}-wal"))
    except OSError as error:
        raise JournalError(f"can't set {wal} aside: {error.strerror}") from error


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    version = check_tables(db, path)
    with explained(path):
        db.execute("PRAGMA journal_mode = WAL")
        # A commit survives the end of this process; only a power failure may lose the
        # last ones, and that ends the jobs as well.
        db.execute("PRAGMA synchronous = NORMAL")
        # Each checkpoint waits for the disk.
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        migrate(db, version)


def place_of(path: Path) -> tuple[int, int] | None:
    """Return the device and inode of the file at this path; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the cost of Path, before each commit
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"can't reach {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino
