"""Standard output as a text stream that is given up at its first error."""

from __future__ import annotations

import contextlib
import errno
import io
import select
from typing import Any, Final

_STDOUT: Final = 1


class StandardOutput(io.TextIOWrapper):
    r"""Writes to the descriptor of standard output, with a buffer of its own.

    Not through the buffer of `sys.stdout`: Python waits for that at exit, even if a
    thread is stuck in it. What the encoding can't hold is written as `\u1234`, and
    nothing fails.
    """

    def __init__(self, encoding: str) -> None:
        binary = io.BufferedWriter(_PatientFile(_STDOUT, "wb", closefd=False))
        super().__init__(binary, encoding, errors="backslashreplace")

    def write(self, text: str, /) -> int:
        """Take text; blocks while nobody reads what was taken before.

        Raises:
            OSError: If it can't be written; nothing is, from then on.
        """
        self._check_given_up()
        try:
            return super().write(text)
        except OSError:
            self._give_up()
            raise

    def flush(self) -> None:
        """Write what was taken; blocks until that is done.

        Raises:
            OSError: If it can't be written; nothing is, from then on.
        """
        self._check_given_up()
        try:
            super().flush()
        except OSError:
            self._give_up()
            raise

    def _check_given_up(self) -> None:
        if self.closed:
            raise OSError(errno.EPIPE, "it was given up after an error")

    def _give_up(self) -> None:
        # Python would try once more at exit, and complain to stderr.
        with contextlib.suppress(OSError):
            self.buffer.close()


class _PatientFile(io.FileIO):
    """Waits for a reader, too, if somebody has made the descriptor non-blocking.

    Another process that shares it may have: the other end of a pipe, or a parent.
    """

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer; 3.11 has no name
        written: int | None = super().write(data)
        while written is None:
            select.select([], [self], [])
            written = super().write(data)
        return written
