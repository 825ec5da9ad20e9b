"""The output file of a cluster job, written by the process of the engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..processes.spawn import open_output
from ..rules.outcome import Outcome

if TYPE_CHECKING:
    from .agent_messages import Piece


class JobOutput:
    """One output file. A method that fails returns the outcome of the failed job."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    @property
    def size(self) -> int:
        """The size in bytes of the open file."""
        return os.fstat(self._fd).st_size

    def open(self, *, goes_on: bool) -> Outcome | None:
        """Open the file, before the job begins: it shows that the job may have begun.

        Args:
            goes_on: Whether it may exist.
        """
        if self._fd < 0:
            try:
                self._fd, _ = open_output(self._path, goes_on=goes_on)
            except OSError as error:
                return self._unwritable(error)
        return None

    def put(self, before: int, piece: Piece) -> Outcome | None:
        """Write a piece of output.

        Args:
            before: Bytes that the file had before the job.
            piece: The piece.
        """
        rest = memoryview(piece.data)
        try:
            if piece.cut:
                os.ftruncate(self._fd, before)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            return self._unwritable(error)
        return None

    def close(self) -> None:
        """Close it, if it is open."""
        if self._fd >= 0:
            os.close(self._fd)

    def _unwritable(self, error: OSError) -> Outcome:
        why = error.strerror or str(error)
        return Outcome.failed(f"can't write its output file {self._path}: {why}")
