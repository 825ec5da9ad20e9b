"""A terminal emulator: a grid of cells with styles, made from a program's output.

It supports the parts of ECMA-48 and xterm that full-screen programs and prompts use:
cursor movement, erasing, inserting and deleting, a scrolling region, tabs, colors, wide
and combining characters, line drawing, and the alternate screen. On request it keeps a
number of lines that have left the top of the first screen. It never answers queries,
and its memory is bounded for any input.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from itertools import groupby
from typing import Final

from ...actors.rules.safe_text import safe_line
from .ansi import apply_sgr
from .cells import clusters, is_plain
from .rows import PLAIN, Row, Span, Style

LONGEST_SEQUENCE: Final = 4096
"""Maximum length of a control string, in characters; a longer one is text."""

_LARGEST: Final = 9999
_KEPT_LINES: Final = 3  # the parameter of `CSI J` that erases the scrollback
_TAB: Final = 8
_TOKEN: Final = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b[PX\]^_](?P<string>[^\x07\x1b]{0,4096})(?:\x07|\x1b\\)"
    r"|\x1b(?P<set>[()*+])(?P<charset>[0-~])"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b(?P<escape>[0-OQ-WYZ\\`-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
)
_BEGUN: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*|[PX\]^_][^\x07\x1b]{0,4096}\x1b?|[ -/]*)\Z"
)
_DRAWING: Final = str.maketrans(
    "`afgjklmnopqrstuvwxyz{|}~", "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
)
_SECOND: Final = frozenset({47, 1047, 1049})

_Cell = tuple[str, Style]
_BLANK: Final[_Cell] = (" ", PLAIN)
_REST: Final = ""  # the text of the cell behind a wide character


class Emulator:
    """A terminal of a fixed size with a limited scrollback."""

    def __init__(self, columns: int, rows: int, kept: int = 0) -> None:
        self._left: deque[Row] = deque(maxlen=kept)
        self.columns = columns
        self.height = rows
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._reset()

    def _reset(self) -> None:
        self._grid = [self._empty() for _ in range(self.height)]
        self._first: list[list[_Cell]] | None = None  # while the alternate is shown
        self._row = self._column = 0
        self._saved = (0, 0, PLAIN)
        self._style = PLAIN
        self._top, self._bottom = 0, self.height - 1
        self._wraps = True
        self._draws = False
        self._last = " "

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        return self._row, min(self._column, self.columns - 1)

    def rows(self) -> tuple[Row, ...]:
        """Return the rows of the screen without trailing blanks."""
        return tuple(_row_of(cells) for cells in self._grid)

    def lines(self) -> tuple[Row, ...]:
        """Return the lines of the scrollback, oldest first."""
        return tuple(self._left)

    def feed(self, data: bytes) -> None:
        """Process output; the next call may continue a sequence or a character."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                # An incomplete sequence, which may never be completed.
                is_begun = len(text) - at <= LONGEST_SEQUENCE
                if is_begun and _BEGUN.match(text, at) is not None:
                    self._rest = text[at:]
                    return
                at += 1
                continue
            at = found.end()
            self._take(found)

    def _take(self, found: re.Match[str]) -> None:
        if text := found["text"]:
            self._print(text)
        elif control := found["control"]:
            self._control(control)
        elif final := found["final"]:
            if not found["between"]:
                self._sequence(found["parameters"], final)
        elif found["set"] == "(":
            self._draws = found["charset"] == "0"
        elif escape := found["escape"]:
            self._escape(escape)

    def _empty(self) -> list[_Cell]:
        return [_BLANK] * self.columns

    def _print(self, text: str) -> None:
        if self._draws:
            text = text.translate(_DRAWING)
        # Remove characters that could move others, or are invisible.
        text = safe_line(text)
        if is_plain(text):
            while text:
                room = self._room_for(1)
                self._put([(it, self._style) for it in text[:room]])
                text = text[room:]
            return
        for cluster, cells in clusters(text):
            if cells == 0:
                self._join(cluster)
                continue
            wide = min(cells, self.columns)
            self._room_for(wide)
            rest = [(_REST, self._style)] * (wide - 1)
            self._put([(cluster, self._style), *rest])

    def _room_for(self, cells: int) -> int:
        """Move to the next row if this row lacks room; return the free cells."""
        if self._column + cells > self.columns:
            if self._wraps:
                self._column = 0
                self._line_feed()
            else:
                self._column = self.columns - cells
        return self.columns - self._column

    def _put(self, cells: list[_Cell]) -> None:
        row, end = self._grid[self._row], self._column + len(cells)
        self._part(row, self._column)
        self._part(row, end)
        row[self._column : end] = cells
        self._column = end
        self._last = next((it for it, _ in reversed(cells) if it), self._last)

    def _join(self, mark: str) -> None:
        row = self._grid[self._row]
        place = self._column - 1
        while place > 0 and row[place][0] == _REST:
            place -= 1
        if place >= 0 and len(row[place][0]) < _TAB:
            row[place] = (row[place][0] + mark, row[place][1])

    def _part(self, row: list[_Cell], column: int) -> None:
        """Blank a wide character that is split before a column."""
        if not 0 < column < self.columns or row[column][0] != _REST:
            return
        begin = column
        while begin > 0 and row[begin][0] == _REST:
            begin -= 1
        end = column
        while end < self.columns and row[end][0] == _REST:
            end += 1
        row[begin:end] = [_BLANK] * (end - begin)

    def _control(self, control: str) -> None:
        match control:
            case "\r":
                self._column = 0
            case "\n" | "\x0b" | "\x0c" | "\x84":
                self._line_feed()
            case "\b":
                self._column = max(0, min(self._column, self.columns - 1) - 1)
            case "\t":
                to = (self._column // _TAB + 1) * _TAB
                self._column = min(to, self.columns - 1)
            case _:
                pass

    def _escape(self, escape: str) -> None:
        match escape:
            case "7":
                self._save()
            case "8":
                self._restore()
            case "D":
                self._line_feed()
            case "E":
                self._column = 0
                self._line_feed()
            case "M":
                if self._row == self._top:
                    self._scroll(-1)
                else:
                    self._row = max(0, self._row - 1)
            case "c":
                self._reset()
            case _:
                pass

    def _sequence(self, parameters: str, final: str) -> None:
        if final == "m":
            if parameters[:1] not in {"<", "=", ">", "?"}:
                self._style = apply_sgr(parameters, self._style)
            return
        private = parameters[:1] == "?"
        if parameters[:1] in {"<", "=", ">"}:
            return
        numbers = [_number(it) for it in parameters.lstrip("?").split(";")[:16]]
        if private:
            if final in "hl":
                for number in numbers:
                    self._set_mode(number, on=final == "h")
            elif final in "JK":
                self._erase(final, numbers[0])
            return
        first = numbers[0]
        count = max(1, first)
        second = numbers[1] if len(numbers) > 1 else 0
        match final:
            case "A" | "B" | "C" | "D" | "E" | "F" | "a" | "e":
                self._move(final, count)
            case "G" | "`":
                self._column = min(count, self.columns) - 1
            case "d":
                self._row = min(count, self.height) - 1
            case "H" | "f":
                self._row = min(count, self.height) - 1
                self._column = min(max(1, second), self.columns) - 1
            case "J" | "K" | "X":
                self._erase(final, first)
            case "L" | "M" if self._top <= self._row <= self._bottom:
                self._scroll(count if final == "M" else -count, self._row)
                self._column = 0
            case "@" | "P":
                self._shift(final, count)
            case "S" | "T":
                self._scroll_on(count if final == "S" else -count)
            case "b":
                self._print(self._last * min(count, self.columns))
            case "r":
                bottom = min(second or self.height, self.height) - 1
                if count - 1 < bottom:
                    self._top, self._bottom = count - 1, bottom
                    self._row = self._column = 0
            case "s":
                self._save()
            case "u":
                self._restore()
            case _:
                pass

    def _set_mode(self, number: int, *, on: bool) -> None:
        if number == 7:  # noqa: PLR2004 - the number of autowrap
            self._wraps = on
        elif number in _SECOND:
            if on and self._first is None:
                self._save()
                self._first = self._grid
                self._grid = [self._empty() for _ in range(self.height)]
            elif not on and self._first is not None:
                self._grid, self._first = self._first, None
                self._restore()

    def _save(self) -> None:
        self._saved = self._row, self._column, self._style

    def _restore(self) -> None:
        self._row, self._column, self._style = self._saved

    def _move(self, final: str, count: int) -> None:
        column = min(self._column, self.columns - 1)
        match final:
            case "A" | "F":
                self._row = max(0, self._row - count)
            case "B" | "E" | "e":
                self._row = min(self.height - 1, self._row + count)
            case "C" | "a":
                column = min(self.columns - 1, column + count)
            case _:
                column = max(0, column - count)
        self._column = 0 if final in "EF" else column

    def _erase(self, final: str, which: int) -> None:
        column = min(self._column, self.columns - 1)
        row = self._grid[self._row]
        # With the current background, as in terminals.
        blank = (" ", Style(bg=self._style.bg))
        start, end = 0, self.columns
        if final == "X":
            start, end = column, min(self.columns, column + max(1, which))
        elif which == 0:
            start = column
        elif which == 1:
            end = column + 1
        if final == "J" and which == _KEPT_LINES:
            self._left.clear()
            return
        if final == "J":
            before = range(self._row) if which else range(0)
            behind = range(self._row + 1, self.height) if which != 1 else range(0)
            for place in (*before, *behind):
                self._grid[place] = [blank] * self.columns
        self._part(row, start)
        self._part(row, end)
        row[start:end] = [blank] * (end - start)

    def _shift(self, final: str, count: int) -> None:
        """Insert blanks at the cursor, or delete characters there."""
        column = min(self._column, self.columns - 1)
        count = min(count, self.columns - column)
        row = self._grid[self._row]
        self._part(row, column)
        if final == "@":
            row[column:column] = [_BLANK] * count
            self._part(row, self.columns)
            del row[self.columns :]
            if row[-1][0] != _REST and _is_wide(row[-1][0]):
                row[-1] = _BLANK
        else:
            self._part(row, column + count)
            del row[column : column + count]
            row += [_BLANK] * count

    def _line_feed(self) -> None:
        if self._row == self._bottom:
            self._scroll_on(1)
        elif self._row < self.height - 1:
            self._row += 1

    def _scroll_on(self, count: int) -> None:
        """Scroll the region up, and keep the lines that leave the screen."""
        if count > 0 and self._top == 0 and self._first is None and self._left.maxlen:
            leaving = self._grid[: min(count, self._bottom + 1)]
            self._left.extend(_row_of(cells) for cells in leaving)
        self._scroll(count)

    def _scroll(self, count: int, top: int | None = None) -> None:
        """Scroll the region up, or down if `count` is negative."""
        top = self._top if top is None else top
        size = self._bottom - top + 1
        lines = min(abs(count), size)
        new = [self._empty() for _ in range(lines)]
        region = self._grid[top : self._bottom + 1]
        region = [*region[lines:], *new] if count > 0 else [*new, *region[:-lines]]
        self._grid[top : self._bottom + 1] = region


def _number(text: str) -> int:
    """Parse a parameter; an invalid one is 0."""
    text = text.partition(":")[0]
    return min(int(text[:5]), _LARGEST) if text.isascii() and text.isdigit() else 0


def _is_wide(text: str) -> bool:
    return any(cells > 1 for _, cells in clusters(text))


def _row_of(cells: list[_Cell]) -> Row:
    spans = [
        Span("".join(text for text, _ in same), style)
        for style, same in groupby(cells, key=lambda cell: cell[1])
    ]
    while spans and spans[-1].style == PLAIN:
        last = spans.pop()
        if text := last.text.rstrip(" "):
            spans.append(Span(text))
            break
    return tuple(spans)
