"""Keeping everybody else off the screen while the chat draws on it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self

from ...actors.own_files import open_own

if TYPE_CHECKING:
    from pathlib import Path

_OUT, _ERR = 1, 2


class Quiet:
    """Points standard output and error at a log file, and back.

    What draws on the terminal has to duplicate it before.

    Args:
        log: Takes what is written meanwhile, after what it holds. Made if missing;
            `None` to keep nothing.
    """

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self._saved: tuple[int, int] | None = None
        self.trouble: str | None = None
        """Why nothing is kept, for people, if the log can't be used."""

    def __enter__(self) -> Self:
        """Begin; if the log can't be used, keep nothing: see `trouble`."""
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
