"""A page of a file: its position and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ..text.ansi import sgr_row_and_style
from ..text.cells import cut_row, slice_row
from ..text.rows import PLAIN, Row, Style

if TYPE_CHECKING:
    from collections.abc import Callable

    from .line_file import FileLook
    from .search import MatchedLines

_FARTHEST: Final = 10_000
_LOOK_BACK: Final = 4096  # bytes before the page that may set its colors


class Place(msgspec.Struct, frozen=True, order=True):
    """A row of the file: its line, and its index in the wrapped line, from 0."""

    line: int
    row: int


START: Final = Place(0, 0)
"""The start of a file."""


class Lines:
    """The lines of a file, or those that match a filter.

    Args:
        look: The open file.
        only: The lines that match the filter; None for all lines.
    """

    def __init__(self, look: FileLook, only: MatchedLines | None) -> None:
        self.file = look
        self._only = only
        self.is_empty = look.size == 0 if only is None else only.lines == 0

    def line_at(self, place: int) -> int:
        """Return the line at a position of the file, or before it."""
        if self._only is None:
            return self.file.line_at(place)
        return self._only.line_at(place) or 0

    def line_before(self, line: int) -> int | None:
        """Return the previous line; None for the first."""
        lines = self.file if self._only is None else self._only
        return lines.line_before(line)

    def line_after(self, line: int) -> int | None:
        """Return the next line; None for the last."""
        lines = self.file if self._only is None else self._only
        return lines.line_after(line)


class Page:
    """The visible part of a file: columns and rows from a place on.

    Args:
        mark: Returns the row of a line with its matches marked.
    """

    def __init__(self, mark: Callable[[Row, int], Row]) -> None:
        self._mark = mark
        self.top = START
        self.columns = 80
        self.height = 1
        self.wrap = True
        self.column = 0
        """The first column shown, when lines do not wrap."""

    def draw(self, lines: Lines, *, last: bool) -> tuple[tuple[Row, ...], int]:
        """Return the rows, and the end of their last line in the file.

        A `last` page must end with the file.
        """
        end = self._last_page(lines)
        self.top = end if last else min(self._valid_top(lines), end)
        rows: list[Row] = []
        seen = 0
        line: int | None = self.top.line
        style = self._style_before(lines.file, self.top.line)
        while line is not None and len(rows) < self.height:
            more, style = self._rows_and_style(lines.file, line, style)
            rows += more[self.top.row :] if line == self.top.line else more
            seen = lines.file.end_of(line)
            line = lines.line_after(line)
        return tuple(rows[: self.height]), seen

    def move(self, lines: Lines, count: int) -> None:
        """Scroll down by rows, or up if negative."""
        if lines.is_empty:
            return
        place = self._valid_top(lines)
        line, row = place.line, place.row + max(-_FARTHEST, min(count, _FARTHEST))
        while row < 0:
            before = lines.line_before(line)
            if before is None:
                row = 0
                break
            line = before
            row += self._row_count(lines.file, line)
        while row >= (rows := self._row_count(lines.file, line)):
            after = lines.line_after(line)
            if after is None:
                row = rows - 1
                break
            line = after
            row -= rows
        self.top = Place(line, row)

    def _valid_top(self, lines: Lines) -> Place:
        """Return the top, or the nearest place if the file or width has changed."""
        line = lines.line_at(self.top.line)
        if line != self.top.line:
            return Place(line, 0)
        count = self._row_count(lines.file, line)
        return Place(line, min(self.top.row, count - 1))

    def _last_page(self, lines: Lines) -> Place:
        """Return the top of the page that ends with the file."""
        line = lines.line_at(lines.file.size)
        rows = self._row_count(lines.file, line)
        while rows < self.height and (before := lines.line_before(line)) is not None:
            line = before
            rows += self._row_count(lines.file, line)
        return Place(line, max(0, rows - self.height))

    def _row_count(self, look: FileLook, line: int) -> int:
        return len(self._rows_and_style(look, line, PLAIN)[0]) if self.wrap else 1

    def _rows_and_style(
        self, look: FileLook, line: int, style: Style
    ) -> tuple[list[Row], Style]:
        row, style = sgr_row_and_style(look.text(line), style)
        row = self._mark(row, line)
        if self.wrap:
            return cut_row(row, self.columns), style
        return [slice_row(row, self.column, self.columns)], style

    @staticmethod
    def _style_before(look: FileLook, line: int) -> Style:
        """Return the style at the start of a line, as set by the lines before it."""
        before: list[int] = []
        earlier = look.line_before(line)
        while earlier is not None and line - earlier <= _LOOK_BACK:
            before.append(earlier)
            earlier = look.line_before(earlier)
        style = PLAIN
        for earlier in reversed(before):
            _, style = sgr_row_and_style(look.text(earlier), style)
        return style
