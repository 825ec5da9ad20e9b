"""What was typed before, kept in a file of the session.

One JSON string a line, so that an input with line breaks is one line of the file.
Several programs may append to the same file; a line that got damaged is skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

HISTORY_LIMIT: Final = 1000
"""How many inputs are kept."""


class HistoryError(Exception):
    """The history could not be read or written; the text says why, in one line."""


class HistoryFile:
    """Inputs of earlier sessions.

    Args:
        path: The file; it need not exist. Only its owner may read it.
        limit: How many inputs are kept.
    """

    def __init__(self, path: Path, limit: int = HISTORY_LIMIT) -> None:
        self._path = path
        self._limit = limit

    def load(self) -> list[str]:
        """Read the inputs, oldest first; none if there is no file.

        A file that has grown to more than twice the limit is cut on the way.

        Raises:
            HistoryError: If the file can't be read.
        """
        raise NotImplementedError

    def append(self, text: str) -> None:
        """Write one input down.

        Raises:
            HistoryError: If it could not be written; nothing else is lost by that.
        """
        raise NotImplementedError
