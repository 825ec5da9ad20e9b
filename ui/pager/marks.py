"""Mark the matches of a search in a row."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..text.rows import PLAIN, Row, Span, Style

if TYPE_CHECKING:
    from .search import Query


def marked(
    row: Row, query: Query, current: int | None = None, mark: Style = PLAIN
) -> Row:
    """Show matches in reverse, and the current match in the style `mark`."""
    hits = query.spans("".join(span.text for span in row))
    if not hits:
        return row
    edges = sorted({edge for hit in hits for edge in hit})
    spans: list[Span] = []
    at = 0
    for span in row:
        end = at + len(span.text)
        inner = [edge for edge in edges if at < edge < end]
        for start, stop in pairwise([at, *inner, end]):
            style = span.style
            found = (i for i, (first, last) in enumerate(hits) if first <= start < last)
            index = next(found, None)
            if index is not None and index == current:
                style = mark
            elif index is not None:
                style = replace(style, reverse=not style.reverse)
            spans.append(Span(span.text[start - at : stop - at], style))
        at = end
    return tuple(spans)
