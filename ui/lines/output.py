"""Standard output as a text stream that stops at its first error."""

from __future__ import annotations

import contextlib
import errno
import io
import select
from typing import Any, Final

_STDOUT: Final = 1


class StandardOutput(io.TextIOWrapper):
    r"""Writes to the file descriptor of standard output, with its own buffer.

    It doesn't use the buffer of `sys.stdout`, which Python flushes at exit even if a
    thread is blocked in it. Characters outside the encoding are written as `\u1234`.
    """

    def __init__(self, encoding: str) -> None:
        binary = io.BufferedWriter(_PatientFile(_STDOUT, "wb", closefd=False))
        super().__init__(binary, encoding, errors="backslashreplace")

    def write(self, text: str, /) -> int:
        """Write text. Blocks while the buffer is full and the reader is slow.

        Raises:
            OSError: If the text can't be written; later writes fail, too.
        """
        self._check_given_up()
        try:
            return super().write(text)
        except OSError:
            self._give_up()
            raise

    def flush(self) -> None:
        """Write the buffer. Blocks until it is written.

        Raises:
            OSError: If the text can't be written; later writes fail, too.
        """
        self._check_given_up()
        try:
            super().flush()
        except OSError:
            self._give_up()
            raise

    def _check_given_up(self) -> None:
        if self.closed:
            raise OSError(errno.EPIPE, "it was closed after an error")

    def _give_up(self) -> None:
        # Else Python would retry at exit, and print an error to stderr.
        with contextlib.suppress(OSError):
            self.buffer.close()


class _PatientFile(io.FileIO):
    """Waits for the reader even if the file descriptor is non-blocking.

    Another process that shares the open file may have set that flag.
    """

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer; 3.11 has no name
        written: int | None = super().write(data)
        while written is None:
            select.select([], [self], [])
            written = super().write(data)
        return written
