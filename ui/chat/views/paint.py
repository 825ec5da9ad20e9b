"""Helpers of the views: rows from spans, left and right sides, styled wrapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text.cells import clip_row, row_width, wrap
from ...text.rows import PLAIN, Row, Span, Style

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...text.theme import Look


def line(text: str, style: Style = PLAIN) -> Row:
    """Return a row with one span."""
    return (Span(text, style),) if text else ()


def sides(left: Row, right: Row, width: int) -> Row:
    """Put one row at the left edge and one at the right; the left row is cut first.

    A right row that would leave no room for the left is dropped.
    """
    room = width - row_width(right)
    if room < 1 or (room < width and room < min(row_width(left), width // 2) + 1):
        return clip_row(left, width)
    if not right:
        return clip_row(left, width)
    left = clip_row(left, room - 1)
    gap = room - row_width(left)
    return (*left, Span(" " * gap), *right)


def titled_rule(title: str, look: Look, columns: int, end: str = "") -> Row:
    """Return a rule with a title at the left and, if it fits, `end` at the right."""
    rule, theme = look.signs.rule, look.theme
    text = f" {title} " if title else ""
    right: Row = ()
    if end:
        right = (Span(f" {end} ", theme.faint), Span(rule * 2, theme.rule))
    if row_width(right) > columns // 2:
        right = ()
    left = (Span(rule * 2, theme.rule), Span(text, theme.faint))
    row = clip_row(left, columns - row_width(right))
    gap = columns - row_width(row) - row_width(right)
    return (*row, Span(rule * gap, theme.rule), *right)


def wrap_spans(spans: Iterable[Span], width: int) -> list[Row]:
    """Wrap styled text at words into rows of at most `width` cells."""
    pieces = [span for span in spans if span.text]
    text = "".join(span.text for span in pieces)
    rows: list[Row] = []
    at = 0
    for part in wrap(text, max(1, width)):
        found = text.find(part, at)
        if found < 0:
            rows.append(line(part))
            continue
        at = found + len(part)
        rows.append(_cut(pieces, found, at))
    return rows


def _cut(pieces: list[Span], start: int, end: int) -> Row:
    row: list[Span] = []
    position = 0
    for span in pieces:
        first, last = max(start, position), min(end, position + len(span.text))
        if first < last:
            text = span.text[first - position : last - position]
            row.append(Span(text, span.style))
        position += len(span.text)
    return tuple(row)


def over(row: Row, style: Style) -> Row:
    """Apply the background, reverse or weight of a style to a whole row."""
    return tuple(Span(span.text, _laid_over(span.style, style)) for span in row)


def _laid_over(below: Style, above: Style) -> Style:
    return Style(
        fg=below.fg if above.fg is None else above.fg,
        bg=below.bg if above.bg is None else above.bg,
        bold=below.bold or above.bold,
        dim=below.dim and not above.reverse,
        italic=below.italic,
        underline=below.underline,
        reverse=below.reverse or above.reverse,
    )
