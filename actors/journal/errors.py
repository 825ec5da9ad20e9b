"""The errors of a journal, and their causes in SQLite."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.safe_text import brief, safe_line

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_PRIMARY: Final = 0xFF  # the low byte of an SQLite error code is its primary code
_LITTLE_ROOM: Final = 1 << 16  # bytes; SQLite needs about as much for its shared memory
_NOT_ITS_FAULT: Final = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""SQLite errors after which the file may be intact, and is just unusable now."""


class JournalError(Exception):
    """The journal could not be read or written; the text says why."""


class DamagedJournalError(JournalError):
    """The file is not, or no longer, a journal of this program.

    Retrying does not help.
    """


class BusyJournalError(JournalError):
    """Another program holds the file, perhaps only for a moment."""


class ForeignSessionError(JournalError):
    """Another session has replaced this one in its folder.

    Nothing there may be changed any more.
    """


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Convert errors of a journal's file into a `JournalError` with the reason.

    Raises:
        BusyJournalError: If another program holds the file.
        DamagedJournalError: If the file itself is damaged.
        JournalError: If it may be intact, and just can't be used now.
    """
    try:
        yield
    except (
        sqlite3.DatabaseError,
        msgspec.MsgspecError,
        ValueError,
        LookupError,
        TypeError,
        OverflowError,
        RecursionError,
    ) as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code == sqlite3.SQLITE_INTERRUPT:
            raise JournalError(
                f"{path} takes too long to read; if that happens again, move it away"
            ) from error
        if code & _PRIMARY in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            text = f"{path} is in use by another program; close that"
            raise BusyJournalError(text) from error
        if code & _PRIMARY in _NOT_ITS_FAULT:
            raise JournalError(f"{path}: {_cause(path, error)}") from error
        why = safe_line(brief(str(error)))
        raise DamagedJournalError(f"{path} is damaged: {why}") from error


def _cause(path: Path, error: Exception) -> str:
    # SQLite reports most cases of missing space as "disk I/O error".
    with contextlib.suppress(OSError):
        room = os.statvfs(path.parent)
        if room.f_bavail * room.f_frsize < _LITTLE_ROOM:
            return "the disk is full; make room"
        if room.f_files and not room.f_favail:
            return "the disk has no room for another file; delete some"
    longest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if longest != resource.RLIM_INFINITY:
        return f"{error}; no file may be larger than {longest} B; raise ulimit -f"
    return str(error)
