"""The model of a view into a task's output, for files of any size.

No method reads more than a page or a step of a search at once, for any file and any
length of lines.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ...actors.rules.safe_text import safe_line
from ..text.ansi import sgr_row
from ..text.cells import cut_row, width
from ..text.rows import Row, Style
from .line_file import LineFile
from .marks import marked
from .page import START, Lines, Page, Place
from .search import FileSearch, MatchedLines, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .line_file import FileLook

T = TypeVar("T")

_BEHIND_END: Final = 1 << 62  # behind the end of any file
MOST_COUNTED: Final = 100_000
"""Maximum number of lines whose matches are counted; a file may have millions."""

MOST_LINES: Final = 1_000_000
"""Maximum number of lines that a filter shows, to bound the memory."""


class PagerStatus(msgspec.Struct, frozen=True):
    """The position and state of the view, for the title above it.

    Attributes:
        percent: The percentage of the file above the end of the page, from 0 to 100.
        size: The size of the file, in bytes.
        following: Whether the view stays at the end as the file grows.
        wrap: Whether long lines wrap.
        column: The first column shown, when lines do not wrap.
        query: The text of the search; empty without a search.
        match: The number of the current match, from 1; 0 if there is none, or if it is
            unknown yet.
        matches: The number of matches counted so far.
        counted: Whether all matches are counted.
        only: The text of the filter; empty without a filter.
        lines: The number of lines known to match the filter.
        finding: Whether the next match is being searched.
        searching: Whether any search is running: call `step` until it is not.
        looked_at: The percentage of the file that was searched for matches or for lines
            of the filter.
        message: The outcome of the last search, or why the file can't be read.
    """

    percent: int
    size: int
    following: bool
    wrap: bool
    column: int
    query: str
    match: int
    matches: int
    counted: bool
    only: str
    lines: int
    finding: bool
    searching: bool
    looked_at: int
    message: str


class PagerPlace(msgspec.Struct, frozen=True):
    """A position of the view, for `go_back_to`."""

    top: Place
    following: bool
    wrap: bool
    column: int


class _Hit(msgspec.Struct, frozen=True):
    """A match: its line, and its index in the line, from 0."""

    line: int
    index: int


class Pager:
    """A view into a file that may grow, shrink or vanish at any time, or not exist yet.

    It starts at the end and follows it. No method raises an error about the file; the
    status has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = LineFile(path)
        self._view = Page(self._mark)
        self._following = True
        self._size = 0
        self._percent = 100
        self._query: Query | None = None
        self._search: FileSearch | None = None
        self._hit: _Hit | None = None
        self._counted: MatchedLines | None = None
        self._only: Query | None = None
        self._lines: MatchedLines | None = None
        self._current = Style(reverse=True, bold=True, underline=True)
        self._message = ""
        self._trouble = ""

    @property
    def status(self) -> PagerStatus:
        """The status at the last call of `rows`."""
        counted, lines, hit = self._counted, self._lines, self._hit
        number = counted.number_of(hit.line, hit.index) if counted and hit else None
        scan = self._scan
        return PagerStatus(
            percent=self._percent,
            size=self._size,
            following=self._following,
            wrap=self._view.wrap,
            column=self._view.column,
            query=self._query.text if self._query else "",
            match=number or 0,
            matches=counted.matches if counted else 0,
            counted=bool(counted and counted.is_whole),
            only=self._only.text if self._only else "",
            lines=lines.lines if lines else 0,
            finding=self._search is not None,
            searching=(self._search or scan) is not None and not self._trouble,
            looked_at=scan.percent if scan else 100,
            message=self._trouble or self._message,
        )

    @property
    def place(self) -> PagerPlace:
        """The current position, for `go_back_to`."""
        return PagerPlace(
            self._view.top, self._following, self._view.wrap, self._view.column
        )

    def go_back_to(self, place: PagerPlace) -> None:
        """Go back to a position."""
        self._view.top, self._following = place.top, place.following
        self._view.wrap, self._view.column = place.wrap, place.column

    @property
    def _scan(self) -> MatchedLines | None:
        """The unfinished scan of the file: for the filter, then to count matches."""
        found = (it for it in (self._lines, self._counted) if it and not it.is_done)
        return next(found, None)

    def rows(
        self, columns: int, height: int, current: Style | None = None
    ) -> tuple[Row, ...]:
        """Read the visible page, and return at most `height` rows.

        Matches are shown in reverse. Reads about a page of the file.
        """
        self._view.columns, self._view.height = max(1, columns), max(1, height)
        self._current = current or self._current
        return self._look(self._page, ())

    def scroll(self, count: int) -> None:
        """Scroll down by rows, or up if negative. Scrolling up ends following."""
        if count < 0:
            self._following = False
        if not self._following:
            self._look(lambda lines: self._view.move(lines, count), None)

    def page(self, count: int) -> None:
        """Scroll down by pages of the last height, or up if negative."""
        # One row of the previous page stays visible.
        self.scroll(count * max(1, self._view.height - 1))

    def home(self) -> None:
        """Go to the start of the file."""
        self._following = False
        self._hit = None
        self._view.top = START

    def end(self) -> None:
        """Go to the end of the file, and follow it."""
        self._hit = None
        self._following = True

    def toggle_follow(self) -> None:
        """Follow the end of the file, or stop following."""
        self._following = not self._following

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them at the edge."""
        self._view.wrap = not self._view.wrap
        self._view.column = 0
        self._view.top = Place(self._view.top.line, 0)

    def scroll_sideways(self, columns: int) -> None:
        """Scroll right, or left if negative; only if lines do not wrap."""
        if not self._view.wrap:
            self._view.column = max(0, self._view.column + columns)

    def scroll_from(self, place: int, count: int) -> None:
        """Go to the line at an offset of the file, in bytes, and scroll from there."""
        self._following = False

        def go(lines: Lines) -> None:
            self._view.top = Place(lines.line_at(place), 0)
            self._view.move(lines, count)

        self._look(go, None)

    def search(self, query: str, *, forward: bool = True) -> None:
        """Start a search from the top row; `step` performs it.

        A backward search starts at the end of a file that is followed, so that visible
        matches are found. A query without capitals ignores case. An empty query ends
        the search.
        """
        query = safe_line(query)
        self._query = Query(query, self._only) if query else None
        self._search = None
        self._hit = None
        self._message = ""
        self._counted = None
        if self._query:
            self._counted = MatchedLines(self._query, MOST_COUNTED)
            from_end = self._following and not forward
            place = _BEHIND_END if from_end else self._view.top.line
            self._search = FileSearch(self._query, place, forward=forward)

    def show(self, place: int, text: str) -> None:
        """Go to the line at an offset of the file, as to a match of this text."""
        self.search(text)
        self._search = None
        if (query := self._query) is None:
            return

        def go(lines: Lines) -> None:
            self._go_to(lines, _Hit(lines.file.line_at(place), 0), query)

        self._look(go, None)

    def search_again(self, *, forward: bool) -> None:
        """Go to the next or the previous match: `n` and `N`."""
        query, hit = self._query, self._hit
        if not query:
            return
        self._message = ""
        if hit is not None and self._step_in_line(query, hit, 1 if forward else -1):
            return
        place = self._view.top.line if hit is None else hit.line
        if forward and hit is not None:
            place = self._look(lambda lines: lines.file.end_of(place), place)
        self._search = FileSearch(query, place, forward=forward)

    def show_only(self, text: str) -> None:
        """Show only the lines that match a text; all lines if it is empty.

        `step` finds them; the lines found so far are shown.
        """
        text = safe_line(text)
        self._only = Query(text) if text else None
        self._lines = MatchedLines(self._only, MOST_LINES) if self._only else None
        self._message = ""
        if self._query:
            query, hit = self._query.text, self._hit
            self.search(query)
            self._search, self._hit = None, hit
        self._look(lambda lines: lines.file, None)

    def cancel_search(self) -> None:
        """Stop the running search; the view doesn't move."""
        self._search = None
        for scan in (self._lines, self._counted):
            if scan is not None and not scan.is_done:
                scan.stopped = True

    def step(self) -> bool:
        """Run a bounded step of the search; go to a match if it finds one.

        Return whether a search is still running.
        """
        search, query = self._search, self._query
        if search is None or query is None:
            self._look(self._scan_further, None)
            return self._scan is not None and not self._trouble
        line = self._look(lambda lines: search.step(lines.file), None)
        if line is not None:
            self._search = None
            if search.went_round:
                self._message = "search wrapped around"
            self._look(lambda lines: self._hit_in(lines, line, query, search), None)
        elif search.done or self._trouble:
            self._search = None
            self._message = "" if self._trouble else f"not found: {query.text}"
        under_way = self._search is not None or self._scan is not None
        return under_way and not self._trouble

    def _scan_further(self, lines: Lines) -> None:
        if (scan := self._scan) is not None:
            scan.step(lines.file)

    def _hit_in(
        self, lines: Lines, line: int, query: Query, search: FileSearch
    ) -> None:
        index = 0
        if not search.forward:
            index = len(query.spans(_shown(lines.file, line))) - 1
        self._go_to(lines, _Hit(line, max(0, index)), query)

    def _step_in_line(self, query: Query, hit: _Hit, step: int) -> bool:
        """Go to another match in the same line; return whether there is one."""

        def go(lines: Lines) -> bool:
            count = len(query.spans(_shown(lines.file, hit.line)))
            index = hit.index + step
            if not 0 <= index < count:
                return False
            self._go_to(lines, _Hit(hit.line, index), query)
            return True

        return self._look(go, otherwise=False)

    def _look(self, act: Callable[[Lines], T], otherwise: T) -> T:
        """Call a function with the file's lines, or record why it can't be read."""
        try:
            with self._file.look() as look:
                self._size = look.size
                for scan in (self._lines, self._counted):
                    if scan is not None and scan.is_done:
                        scan.step(look)  # the added part of the file
                result = act(Lines(look, self._lines))
        except OSError as error:
            self._trouble = f"can't read the output: {error.strerror}"
            return otherwise
        self._trouble = ""
        return result

    def _page(self, lines: Lines) -> tuple[Row, ...]:
        """Draw a page, and update the top."""
        if lines.is_empty:
            self._percent = 100
            if self._lines is None:
                self._view.top = START
            return ()
        rows, end = self._view.draw(lines, last=self._following)
        self._percent = 100 * end // max(1, self._size)
        return rows

    def _go_to(self, lines: Lines, hit: _Hit, query: Query) -> None:
        """Make a match the current one, with some rows visible above it."""
        self._hit = hit
        self._following = False
        row = sgr_row(lines.file.text(hit.line))
        text = "".join(span.text for span in row)
        spans = query.spans(text)
        start = spans[min(hit.index, len(spans) - 1)][0] if spans else 0
        number = 0
        if self._view.wrap:
            *full, _ = cut_row(row, self._view.columns)
            ends = accumulate(sum(len(span.text) for span in part) for part in full)
            number = sum(end <= start for end in ends)
        else:
            cells = width(text[: start + len(query.text)])
            if not self._view.column < cells <= self._view.column + self._view.columns:
                self._view.column = max(0, cells - self._view.columns * 2 // 3)
        self._view.top = Place(hit.line, number)
        self._view.move(lines, -(self._view.height // 3))

    def _mark(self, row: Row, line: int) -> Row:
        """Mark the matches of the search, or of the filter, in a row."""
        if self._query:
            hit = self._hit
            current = hit.index if hit is not None and hit.line == line else None
            return marked(row, self._query, current, self._current)
        return marked(row, self._only) if self._only else row


def _shown(look: FileLook, line: int) -> str:
    return "".join(span.text for span in sgr_row(look.text(line)))
