"""The connection to a journal's file while the session is open."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from .errors import DamagedJournalError, explained
from .sqlite_file import LOCK_TIMEOUT, WorkLimit, connect, place_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class JournalConnection:
    """Opens the file when it is needed, and detects its deletion.

    May be created on any thread; after that one thread uses it.
    """

    def __init__(self, path: Path, hurried: Callable[[], bool]) -> None:
        self._path = path
        self._limit = WorkLimit(hurried)
        self._db: sqlite3.Connection | None = None
        self._place: tuple[int, int] | None = None
        self._patience = LOCK_TIMEOUT

    def get(self) -> sqlite3.Connection:
        """Return the open connection, for the next operation.

        Raises:
            DamagedJournalError: If the file is not a journal, or is damaged.
            JournalError: If it can't be opened, or is of a newer version.
        """
        self._limit.renew()
        if self._db is None:
            self._db = connect(self._path, self._limit)
            self.be_patient(self._patience)
            self._place = place_of(self._path)
        return self._db

    def write(self, *parts: Callable[[sqlite3.Connection], object]) -> None:
        """Call functions that write, in one transaction.

        Raises:
            BusyJournalError: If another program holds the file.
            DamagedJournalError: If the file is damaged, deleted or replaced.
            JournalError: If it can't be written.
        """
        db = self.get()
        self._check_place()
        try:
            db.execute("BEGIN IMMEDIATE")
            for part in parts:
                part(db)
            db.execute("COMMIT")
        except BaseException:
            with explained(self._path):
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    def be_patient(self, seconds: float) -> None:
        """Set how long each call waits for another program that holds the file."""
        self._patience = seconds
        if self._db is not None:
            self._db.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def close(self) -> None:
        """Close the file without a commit; does nothing if it is closed."""
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _check_place(self) -> None:
        """Raise if the file was deleted: SQLite would still write into it."""
        place = place_of(self._path)
        if place != self._place:
            what = "deleted" if place is None else "replaced"
            raise DamagedJournalError(
                f"{self._path} was {what} while the session was open"
            )
