"""The output file of a job on a cluster, as the process of the engine writes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..processes.spawn import open_output
from ..rules.outcome import Outcome

if TYPE_CHECKING:
    from .agent_messages import Piece


class JobOutput:
    """One file. What fails returns how the job has failed by it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    @property
    def size(self) -> int:
        """How many bytes it has; it is open."""
        return os.fstat(self._fd).st_size

    def open(self, *, goes_on: bool) -> Outcome | None:
        """Open it, once. Before the job begins: the file says that it may have begun.

        Args:
            goes_on: Whether it may be there already.
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
            before: How many bytes it had before the job.
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
