"""Checking whether this program could open a session that another one has open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ..journal.errors import JournalError
from ..journal.sqlite_file import check_version
from .folder import JOURNAL_NAME
from .folder_errors import unusable

if TYPE_CHECKING:
    from pathlib import Path

_ROOM: Final = 256 << 10  # bytes that SQLite needs besides a journal that it opens


def problem_of(directory: Path) -> str | None:
    """Return why a session couldn't be opened if it were free; None if it could.

    Checks the version of the journal and the free space. Changes nothing. Blocks for
    the disk.
    """
    import tempfile  # noqa: PLC0415 - seldom needed, and every host loads this module

    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)
        check_version(directory / JOURNAL_NAME)
    except OSError as error:
        return unusable(directory, error)
    except JournalError as error:
        return str(error)
    return None
