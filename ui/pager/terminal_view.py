"""The screen of a task's terminal, made of the end of its output."""

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
"""Lines that have left the screen and can be scrolled back to, at most."""

_MOST: Final = 1 << 15  # bytes that are read at once of output that grows
_MOST_AT_FIRST: Final = 1 << 17  # the same when it is looked at first
_CUT: Final = re.compile(rb"\n|(?=\x1b)")
_SWITCH: Final = re.compile(rb"\x1b\[\?(?:47|1047|1049)([hl])")
_SECOND_SCREEN: Final = b"\x1b[?1049h"


class TerminalView:
    """What a terminal would show that has the end of a file as its output.

    The file may grow, shrink or vanish at any time. The first look reads 128 KiB at
    most, each later one 32 KiB; if more came since, what is shown begins anew with the
    end. While it is scrolled back nothing is read, so that it stands still.
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
        """Columns and rows of the terminal that was shown last."""
        return self._screen.columns, self._screen.height

    @property
    def begin(self) -> int:
        """Where in the file the output begins of which the screen was made."""
        return self._begin

    @property
    def is_whole(self) -> bool:
        """Whether all lines of the file can be scrolled back to."""
        return self._begin == 0 and len(self._screen.lines()) < KEPT

    @property
    def up(self) -> int:
        """How many rows it is scrolled back; 0 while it shows the end."""
        return self._up

    @property
    def percent(self) -> int:
        """How much is above the last row shown, from 0 to 100."""
        lines, used = self._lines()
        end = min(len(lines), self._top(used) + self._window[1])
        return 100 * end // len(lines)

    def begin_anew(self) -> None:
        """Take a new size at the next look, and show the end then."""
        self._screen, self._place, self._up = Emulator(1, 1), -1, 0

    def rows(
        self, columns: int, height: int, size: tuple[int, int] | None = None
    ) -> tuple[Row, ...] | None:
        """Return what is shown in a window; None if the file can't be read.

        Args:
            columns: How wide the window is; from 1.
            height: How high; the same.
            size: Columns and rows of the terminal; those of the window by default.
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
        """Move by rows: down, or up if negative; tell whether it could move up."""
        if count > 0:
            self._up = max(0, self._up - count)
            return True
        most = self._last_top(self._lines()[1])
        before, self._up = self._up, min(most, self._up - count)
        return self._up > before

    def scroll_to(self, up: int) -> None:
        """Go where it is scrolled back by so many rows."""
        self._up = min(up, self._last_top(self._lines()[1]))

    def page(self, count: int) -> bool:
        """Move by pages, of the height that was shown last; see `scroll`."""
        return self.scroll(count * max(1, self._window[1] - 1))

    def home(self) -> None:
        """Go to the oldest line."""
        self._up = self._last_top(self._lines()[1])

    def end(self) -> None:
        """Go to the end, and show what comes."""
        self._up = 0

    def scroll_sideways(self, columns: int) -> None:
        """Move right, or left if negative, in a terminal that is wider than this."""
        self._column = max(0, self._column + columns)

    def _lines(self) -> tuple[tuple[Row, ...], int]:
        """Return all lines, and how many there are to the last one in use."""
        lines = (*self._screen.lines(), *self._screen.rows())
        used = len(lines)
        while used and not lines[used - 1]:
            used -= 1
        return lines, used

    def _top(self, used: int) -> int:
        """Return which line is at the top of the window."""
        return max(0, self._last_top(used) - self._up)

    def _last_top(self, used: int) -> int:
        """Return the same if it is not scrolled back.

        The window ends with the screen. In one that is lower than the screen the last
        line in use is in sight, and nothing that has left the screen.
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
        """Show the end of a file as a new terminal would."""
        start = max(0, end - most)
        data = os.pread(fd, end - start, start)
        self._place = start + len(data)
        if start:
            # Neither in a line nor in a sequence, if there are any.
            found = _CUT.search(data)
            data = data[found.end() :] if found else data
        # More lines would not be kept, and are the slowest of all.
        before, *lines = data.rsplit(b"\n", KEPT + size[1])
        if len(lines) == KEPT + size[1]:
            data = data[len(before) + 1 :]
        self._begin = self._place - len(data)
        self._screen = Emulator(*size, kept=KEPT)
        switch = _SWITCH.search(data) if self._begin else None
        if switch is not None and switch[1] == b"l":
            # What comes before it was drawn on the second screen.
            self._screen.feed(_SECOND_SCREEN)
        self._screen.feed(data)
