"""The file of a journal: how it is opened, checked, wiped and set aside."""

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
"""What the names of the files end with that SQLite keeps beside one."""

_SUPER_JOURNAL: Final = bytes.fromhex("d9d505f920a163d7")
"""With what a rollback journal ends that names another file, to be deleted with it."""

LOCK_TIMEOUT: Final = 0.25
"""Seconds to wait for a program that holds the file, while nobody else waits."""

_CHECKPOINT: Final = 4000  # pages of the -wal, 16 MB, that move into the file at once
_STEPS: Final = 20_000  # of SQLite's machine, between two looks whether to go on


class WorkLimit:
    """How long SQLite may work on one thing: a crafted file could keep it for ever.

    Counts the processor time of the thread, so that a machine or a disk that stands
    still makes no file suspicious.
    """

    LONG: Final = 20.0
    """Seconds; a history of millions of tasks takes less."""

    SHORT: Final = 0.5
    """Seconds, if somebody waits; a history of 100,000 tasks takes less."""

    def __init__(self, hurried: Callable[[], bool] = lambda: False) -> None:
        self._hurried = hurried
        self._begun: float | None = None

    def renew(self) -> None:
        """Begin with something else, when SQLite asks for the first time."""
        self._begun = None

    def is_over(self) -> bool:
        """Tell whether this has taken too long. SQLite asks again and again."""
        if self._begun is None:
            self._begun = time.thread_time()
        spent = time.thread_time() - self._begun
        return spent > self.LONG or (spent > self.SHORT and self._hurried())


def connect(path: Path, limit: WorkLimit | None = None) -> sqlite3.Connection:
    """Open a journal's file; make it if it is missing, and bring its schema up to date.

    Blocks for the file system. The connection may be used on any thread, but on one at
    a time. Nothing that the file itself brings along is run: it must have exactly the
    tables that are made here, and neither views nor triggers.

    Raises:
        DamagedJournalError: If the file is not a journal, or is damaged.
        JournalError: If it can't be opened, is not this user's alone, or is of a newer
            version.
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
    """Make sure that this version of the program can read a journal. Changes nothing.

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
    """Overwrite what was deleted from a journal's file, in what SQLite keeps beside it.

    Blocks for the disk, and for `LOCK_TIMEOUT` for those who use the file. It uses a
    connection of its own, so another thread may have one as well.

    Returns:
        Whether it is done; not if others were using the file.

    Raises:
        JournalError: If it can't be done.
    """
    try:
        before = _look(path)
        # Not made if it is missing: then there is nothing to overwrite.
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
        # Copies nearly all, and lets others write; the rest takes them a moment.
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _make(path: Path) -> None:
    # Not opened if it is there: closing it again would drop the locks of any other
    # connection of this process.
    with contextlib.suppress(FileExistsError):
        os.close(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _look(path: Path) -> os.stat_result:
    """Look at the file, and at those that SQLite reads with it."""
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
    # SQLite follows the path by itself.
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
    """Let SQLite run nothing that the file itself brings along."""
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
    """Look for damage that reading the tasks would not meet.

    Args:
        db: The file.
        thoroughly: Whether to look at the structure of every page; takes about a
            millisecond for a megabyte.

    Raises:
        ValueError: If there is some; the text says what.
        sqlite3.Error: The same, or if the file can't be read.
    """
    if thoroughly:
        (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise ValueError(answer)


def set_aside(path: Path) -> Path | None:
    """Give a journal's file another name, with what SQLite keeps beside it.

    Returns:
        The new name of the file; None if it is gone.

    Raises:
        JournalError: If that can't be done.
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
    """Give what SQLite keeps beside a file another name if the file itself is gone.

    SQLite would delete it, and it may hold the last changes, or all of them.

    Returns:
        Its new name; None if there is nothing, or if the file is there.

    Raises:
        JournalError: If that can't be done.
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
        # A commit survives the end of this process; only a power cut may undo
        # the last ones, and that ends the jobs as well.
        db.execute("PRAGMA synchronous = NORMAL")
        # Each of them waits for the disk.
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        migrate(db, version)


def place_of(path: Path) -> tuple[int, int] | None:
    """Return which file there is now, by device and inode; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the cost of Path, before each commit
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"can't reach {path}: {error.strerror}") from error
    return found.st_dev, found.st_ino
