"""Keep other output off the screen while the chat draws."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self

from ...actors.own_files import open_own

if TYPE_CHECKING:
    from pathlib import Path

_OUT, _ERR = 1, 2


class Quiet:
    """Redirects standard output and error to a log file, and restores them.

    The descriptor of the terminal must be duplicated before.

    Args:
        log: The file to which the output is appended; created if missing. None to drop
            the output.
    """

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self._saved: tuple[int, int] | None = None
        self.trouble: str | None = None
        """Why the log can't be used, for people; empty if it can."""

    def __enter__(self) -> Self:
        """Redirect; if the log can't be used, drop the output: see `trouble`."""
        log = self._open()
        _flush()
        self._saved = (os.dup(_OUT), os.dup(_ERR))
        os.dup2(log, _OUT)
        os.dup2(log, _ERR)
        os.close(log)
        return self

    def _open(self) -> int:
        if self._log is not None:
            try:
                return open_own(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            except OSError as error:
                self.trouble = f"can't write the log, {self._log}: {error.strerror}"
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def __exit__(self, *_: object) -> None:
        if self._saved is None:
            return
        _flush()
        for saved, target in zip(self._saved, (_OUT, _ERR), strict=True):
            os.dup2(saved, target)
            os.close(saved)
        self._saved = None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
