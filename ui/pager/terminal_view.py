"""The screen of a running task's terminal, made of the end of its output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ...actors.processes.output_file import open_output
from ..text.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from ..text.rows import Row

_MOST: Final = 1 << 15  # bytes that are read at once, and of what was there before


class TerminalView:
    """What a terminal would show that has the end of a file as its output.

    The file may grow, shrink or vanish at any time. Each look reads 32 KiB at most; if
    more came since the last one, what is shown begins anew with the end.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._screen = Emulator(1, 1)
        self._place = -1

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of what was shown last."""
        return self._screen.columns, self._screen.height

    def begin_anew(self) -> None:
        """Have no size until the next look."""
        self._screen, self._place = Emulator(1, 1), -1

    def rows(self, columns: int, height: int) -> tuple[Row, ...] | None:
        """Return what is shown in a window of a size; None if the file can't be read.

        Args:
            columns: How wide; from 1.
            height: How high; the same.
        """
        try:
            fd = open_output(self._path)
        except OSError:
            return None
        try:
            size = os.fstat(fd).st_size
            is_new = self.size != (columns, height) or self._place < 0
            if is_new or not 0 <= size - self._place <= _MOST:
                self._screen = Emulator(columns, height)
                self._place = max(0, size - _MOST)
            data = os.pread(fd, size - self._place, self._place)
        except OSError:
            return None
        finally:
            os.close(fd)
        self._place += len(data)
        self._screen.feed(data)
        return self._screen.rows()
