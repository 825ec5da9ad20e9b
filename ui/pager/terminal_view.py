"""The screen of a task's terminal, emulated from the end of its output."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from ...actors.processes.output_file import open_output
from ..text.cells import slice_row
from ..text.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from ..text.rows import Row

KEPT: Final = 2000
"""Maximum number of lines of scrollback."""

_MOST: Final = 1 << 15  # bytes of new output that are read at once
_MOST_AT_FIRST: Final = 1 << 17  # bytes of the first read
_CUT: Final = re.compile(rb"\n|(?=\x1b)")
_SWITCH: Final = re.compile(rb"\x1b\[\?(?:47|1047|1049)([hl])")
_SECOND_SCREEN: Final = b"\x1b[?1049h"


class TerminalView:
    """The screen of a terminal whose output is the end of a file.

    The file may grow, shrink or vanish at any time. The first read is at most 128 KiB,
    each later one 32 KiB; if the file has grown by more, the emulation restarts with
    the end of the file. While the view is scrolled back nothing is read, so that it
    doesn't move.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._screen = Emulator(1, 1)
        self._place = -1
        self._begin = 0
        self._up = 0
        self._column = 0
        self._window = (1, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal shown last."""
        return self._screen.columns, self._screen.height

    @property
    def begin(self) -> int:
        """The offset in the file at which the emulated output begins."""
        return self._begin

    @property
    def is_whole(self) -> bool:
        """Whether the scrollback has all lines of the file."""
        return self._begin == 0 and len(self._screen.lines()) < KEPT

    @property
    def up(self) -> int:
        """How many rows the view is scrolled back; 0 while it shows the end."""
        return self._up

    @property
    def percent(self) -> int:
        """The percentage of lines above the end of the window, from 0 to 100."""
        lines, used = self._lines()
        end = min(len(lines), self._top(used) + self._window[1])
        return 100 * end // len(lines)

    def begin_anew(self) -> None:
        """Restart with a new size at the next read, at the end."""
        self._screen, self._place, self._up = Emulator(1, 1), -1, 0

    def rows(
        self, columns: int, height: int, size: tuple[int, int] | None = None
    ) -> tuple[Row, ...] | None:
        """Return the rows of a window; None if the file can't be read.

        Args:
            columns: The width of the window; at least 1.
            height: The height of the window; at least 1.
            size: Columns and rows of the terminal; by default those of the window.
        """
        self._window = columns, height
        if not self._up and not self._look(size or self._window):
            return None
        lines, used = self._lines()
        top = self._top(used)
        shown = lines[top : top + height]
        if self._screen.columns <= columns:
            self._column = 0
            return shown
        self._column = min(self._column, self._screen.columns - columns)
        return tuple(slice_row(row, self._column, columns) for row in shown)

    def scroll(self, count: int) -> bool:
        """Scroll down by rows, or up if negative; return False if it can't go up."""
        if count > 0:
            self._up = max(0, self._up - count)
            return True
        most = self._last_top(self._lines()[1])
        before, self._up = self._up, min(most, self._up - count)
        return self._up > before

    def scroll_to(self, up: int) -> None:
        """Scroll to `up` rows before the end."""
        self._up = min(up, self._last_top(self._lines()[1]))

    def page(self, count: int) -> bool:
        """Scroll by pages of the last height; see `scroll`."""
        return self.scroll(count * max(1, self._window[1] - 1))

    def home(self) -> None:
        """Go to the oldest line."""
        self._up = self._last_top(self._lines()[1])

    def end(self) -> None:
        """Go to the end, and follow it."""
        self._up = 0

    def scroll_sideways(self, columns: int) -> None:
        """Scroll right, or left if negative, in a terminal wider than the window."""
        self._column = max(0, self._column + columns)

    def _lines(self) -> tuple[tuple[Row, ...], int]:
        """Return all lines, and their number up to the last non-empty line."""
        lines = (*self._screen.lines(), *self._screen.rows())
        used = len(lines)
        while used and not lines[used - 1]:
            used -= 1
        return lines, used

    def _top(self, used: int) -> int:
        """Return the index of the line at the top of the window."""
        return max(0, self._last_top(used) - self._up)

    def _last_top(self, used: int) -> int:
        """Return the index of the top line if the view is not scrolled back.

        The window ends with the screen. A window that is lower than the screen shows
        the last non-empty line, and no line of the scrollback.
        """
        height, left = self._window[1], len(self._screen.lines())
        bottom = min(left + self._screen.height, max(used, left + height))
        return max(0, bottom - height)

    def _look(self, size: tuple[int, int]) -> bool:
        try:
            fd = open_output(self._path)
        except OSError:
            return False
        try:
            end = os.fstat(fd).st_size
            is_first = self.size != size or self._place < 0
            if is_first or not 0 <= end - self._place <= _MOST:
                self._begin_with(fd, end, size, _MOST_AT_FIRST if is_first else _MOST)
            else:
                data = os.pread(fd, end - self._place, self._place)
                self._place += len(data)
                self._screen.feed(data)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    def _begin_with(self, fd: int, end: int, size: tuple[int, int], most: int) -> None:
        """Restart the emulation with the end of a file."""
        start = max(0, end - most)
        data = os.pread(fd, end - start, start)
        self._place = start + len(data)
        if start:
            # Don't start within a line or a sequence, if possible.
            found = _CUT.search(data)
            data = data[found.end() :] if found else data
        # More lines would not be kept, and scrolling them is slow.
        before, *lines = data.rsplit(b"\n", KEPT + size[1])
        if len(lines) == KEPT + size[1]:
            data = data[len(before) + 1 :]
        self._begin = self._place - len(data)
        self._screen = Emulator(*size, kept=KEPT)
        switch = _SWITCH.search(data) if self._begin else None
        if switch is not None and switch[1] == b"l":
            # The output before the switch was drawn on the alternate screen.
            self._screen.feed(_SECOND_SCREEN)
        self._screen.feed(data)
