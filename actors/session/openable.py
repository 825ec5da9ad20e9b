"""Whether this program could open a session that another one still has open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ..journal.errors import JournalError
from ..journal.sqlite_file import check_version
from .folder import JOURNAL_NAME
from .folder_errors import unusable

if TYPE_CHECKING:
    from pathlib import Path

_ROOM: Final = 256 << 10  # bytes; what SQLite needs beside a journal that it opens


def problem_of(directory: Path) -> str | None:
    """Return why a session could not be opened once it is free; None if it could.

    Looks at what a new version of the program, or a full disk, would fail at. Changes
    nothing. Blocks for the disk.
    """
    import tempfile  # noqa: PLC0415 - seldom needed, and every host starts with this

    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)
        check_version(directory / JOURNAL_NAME)
    except OSError as error:
        return unusable(directory, error)
    except JournalError as error:
        return str(error)
    return None
