"""The panel of found lines: a title and a row for each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors.rules.safe_text import brief, safe_line, size_text
from ...text.cells import clip_row, pad_row
from ...text.rows import Row, Span
from .paint import over, titled_rule

if TYPE_CHECKING:
    from ..model.found import Found
    from ..model.state import ChatState

NAME: Final = "found"
"""The name of the panel."""

TITLE: Final = 1
"""Rows above the first line."""


def found_height(state: ChatState, limit: int) -> int:
    """Return how many rows the panel wants, at most `limit`; 0 to hide it."""
    if state.found is None or limit <= TITLE:
        return 0
    return min(limit, max(1, len(state.found.hits)) + TITLE)


def found_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return exactly the rows of a panel of this height; see `found_height`."""
    found = state.found
    if found is None or height <= TITLE:
        return []
    theme = state.look.theme
    room = height - TITLE
    first = first_shown(found, room)
    focused = state.has_keys(NAME)
    rows: list[Row] = []
    for index, hit in enumerate(found.hits[first : first + room], first):
        before, match, after = hit.line.partition(hit.match)
        row = clip_row(
            (
                Span(f"#{hit.id} ", theme.faint),
                Span(before.lstrip() if match else before),
                Span(match, theme.match),
                Span(after),
            ),
            columns,
        )
        if focused and index == found.selected:
            row = over(pad_row(row, columns), theme.selected)
        rows.append(row)
    if not found.hits:
        text = "no line found" if found.ended else "nothing found yet"
        rows.append(clip_row((Span(text, theme.faint),), columns))
    rows += [()] * (room - len(rows))
    return [_title(state, found, columns), *rows]


def first_shown(found: Found, room: int) -> int:
    """Return the index of the first visible line, with room for `room` lines."""
    return max(0, min(found.selected - room // 2, len(found.hits) - room))


def _title(state: ChatState, found: Found, columns: int) -> Row:
    count = len(found.hits)
    words = [brief(safe_line(found.wanted.text)), f"{count} line{'s' * (count != 1)}"]
    if not found.ended:
        percent = 100 * found.done // max(1, found.total)
        words.append(f"{min(99, percent)}% of {size_text(found.total)} searched")
        words.append("Esc stops")
    text = f" {state.look.signs.dot} ".join(words)
    return titled_rule(f"Found: {text}", state.look, columns)
