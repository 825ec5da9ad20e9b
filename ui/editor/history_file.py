"""The input history, kept in a file of the session.

The file has one JSON string per line, so that an input with line breaks is one line.
Several programs may append to the same file; a damaged line is skipped.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.own_files import open_own

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

HISTORY_LIMIT: Final = 1000
"""Number of inputs that are kept."""

LONGEST_INPUT: Final = 1 << 16
"""Maximum length of a kept input, in characters."""

BUSY_LIMIT: Final = 1.0
"""Seconds to wait for another program that has locked the file."""

_READ_LIMIT: Final = 1 << 24
_BUSY_POLL: Final = 0.005


class HistoryError(Exception):
    """The history could not be read or written; the text is the reason, in one line."""


class HistoryFile:
    """The file of earlier inputs.

    Args:
        path: The file; it need not exist. It is created for its owner only, and is
            opened only if no other user can access it; see `own_files`.
        limit: Number of inputs that are kept.
    """

    def __init__(self, path: Path, limit: int = HISTORY_LIMIT) -> None:
        self._path = path
        self._limit = limit

    def load(self) -> list[str]:
        """Read the inputs, oldest first; empty if there is no file.

        A file with more than twice the limit is cut. Blocks while another program
        writes to it, at most `BUSY_LIMIT` seconds.

        Raises:
            HistoryError: If the file can't be read or cut.
        """
        if not os.path.lexists(self._path):
            return []
        try:
            with self._locked() as fd:
                texts = self._read(fd)
                if len(texts) > 2 * self._limit:
                    self._rewrite(texts[-self._limit :])
        except OSError as error:
            raise HistoryError(
                f"can't read the input history, {self._path}: {error.strerror}"
            ) from error
        return texts[-self._limit :]

    def append(self, text: str) -> None:
        """Append an input, unless it is longer than `LONGEST_INPUT`.

        Blocks while another program writes, at most `BUSY_LIMIT` seconds.

        Raises:
            HistoryError: If the input could not be written; the file is intact.
        """
        if len(text) > LONGEST_INPUT:
            return
        try:
            with self._locked() as fd:
                # An earlier, incomplete append must not damage this input, too.
                size = os.fstat(fd).st_size
                whole = not size or os.pread(fd, 1, size - 1) == b"\n"
                _write_all(fd, (b"" if whole else b"\n") + _line(text))
        except OSError as error:
            raise HistoryError(
                f"can't save the input history, {self._path}: {error.strerror}"
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Generator[int]:
        """Open the file for appending, and lock it."""
        while True:
            fd = open_own(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                _lock(fd)
                if self._is_current(fd):
                    os.fchmod(fd, 0o600)
                    yield fd
                    return
            finally:
                os.close(fd)

    def _is_current(self, fd: int) -> bool:
        """Return whether an open file is still the one at the path."""
        try:
            return os.path.samestat(os.fstat(fd), self._path.lstat())
        except FileNotFoundError:
            return False

    def _read(self, fd: int) -> list[str]:
        start = max(0, os.fstat(fd).st_size - _READ_LIMIT)
        with open(fd, "rb", closefd=False) as file:
            file.seek(start)
            lines = file.read().split(b"\n")
        if start:
            del lines[0]
        return [text for line in lines if (text := _text(line)) is not None]

    def _rewrite(self, texts: list[str]) -> None:
        draft = self._path.with_name(f"{self._path.name}.new")
        # Remove the draft of a killed program, or any other file of that name.
        draft.unlink(missing_ok=True)
        fd = open_own(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            _write_all(fd, b"".join(map(_line, texts)))
        finally:
            os.close(fd)
        draft.replace(self._path)


def _lock(fd: int) -> None:
    # Limited: a chat that waits here handles no signals.
    end = time.monotonic() + BUSY_LIMIT
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise BlockingIOError(
                    errno.EAGAIN, "another program has locked it; close that program"
                ) from None
            time.sleep(_BUSY_POLL)
        else:
            return


def _line(text: str) -> bytes:
    return msgspec.json.encode(text.encode("utf-8", "replace").decode()) + b"\n"


def _text(line: bytes) -> str | None:
    """Parse a line; return None if it is damaged."""
    try:
        return msgspec.json.decode(line, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
