"""The layout of the input: lines wrap or scroll so that the cursor is visible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ..text.cells import ELLIPSIS, clip, clusters, row_width, slice_row, width
from ..text.rows import Row, Span, Style
from .folds import is_fold, split_folds

if TYPE_CHECKING:
    from collections.abc import Iterator


class EditorStyles(msgspec.Struct, frozen=True):
    """The styles of the parts of the input."""

    text: Style = Style()
    prompt: Style = Style(bold=True)
    faint: Style = Style(dim=True)
    folded: Style = Style(reverse=True)


class Rendered(msgspec.Struct, frozen=True):
    """The result of `Editor.render`.

    Attributes:
        rows: At least one row; at most the requested number and width.
        cursor: The row and column of the cursor, from 0.
    """

    rows: tuple[Row, ...]
    cursor: tuple[int, int]


class Content(msgspec.Struct, frozen=True):
    """The content to lay out.

    Attributes:
        text: The input, with fold characters.
        cursor: The position of the cursor in the text.
        prompt: Shown before the first line; the other lines are indented by its width.
        hint: Shown dim after the end of the text.
        label: Returns the label of a fold character.
        styles: The styles.
    """

    text: str
    cursor: int
    prompt: str
    hint: str
    label: Callable[[str], str]
    styles: EditorStyles


class _Piece(msgspec.Struct, frozen=True):
    """An indivisible part of a line: a fold or a cluster."""

    length: int
    shown: str
    cells: int
    folded: bool = False


class _Chunk(msgspec.Struct, frozen=True):
    """The part of a line, from `start` to `end`, in one row."""

    start: int
    end: int
    row: Row
    cells: int


def lay_out(content: Content, columns: int, max_rows: int) -> Rendered:
    """Draw an input; see `Editor.render`."""
    prompt = content.prompt if width(content.prompt) + 1 < columns else ""
    room = columns - width(prompt)
    if max_rows == 1:
        row, cursor = _scrolled_row(content, room)
        rows, at = [row], (0, cursor)
        first = 0
    else:
        rows, at, first = _wrapped_rows(content, room, max_rows)
    indent = (Span(" " * width(prompt)),) if prompt else ()
    head = (Span(prompt, content.styles.prompt),) if prompt else ()
    drawn = tuple(
        (*(head if number == first else indent), *row)
        for number, row in enumerate(rows)
    )
    return Rendered(drawn, (at[0], at[1] + width(prompt)))


def _wrapped_rows(
    content: Content, room: int, max_rows: int
) -> tuple[list[Row], tuple[int, int], int]:
    """Lay out the lines around the cursor's line.

    Returns:
        The rows, the row and column of the cursor, and the index of the text's first
        row.
    """
    text, cursor = content.text, content.cursor
    lines = text.split("\n")
    line = text.count("\n", 0, cursor)
    nearest = max(0, line - max_rows)
    at = sum(len(before) + 1 for before in lines[:nearest])
    chunks: list[_Chunk] = []
    for shown in lines[nearest : line + max_rows]:
        chunks += _chunks(content, shown, at, room)
        at += len(shown) + 1
        last = chunks[-1]
        # A cursor after a full row is at the start of the next row.
        if cursor == last.end and last.cells >= room:
            chunks.append(_Chunk(cursor, cursor, (), 0))
    row = max(n for n, chunk in enumerate(chunks) if chunk.start <= cursor)
    top = max(0, min(row - max_rows // 2, len(chunks) - max_rows))
    here = chunks[row]
    column = min(_cells_before(content, here.start, cursor, room), room - 1)
    rows = [chunk.row for chunk in chunks[top : top + max_rows]]
    if cursor == len(text):
        rows[row - top] = _with_hint(content, here.row, room)
    first = -top if nearest == 0 else -1
    return rows, (row - top, column), first


def _scrolled_row(content: Content, room: int) -> tuple[Row, int]:
    """Lay out the cursor's line in one row; return the row and the cursor's column."""
    text, cursor = content.text, content.cursor
    start = text.rfind("\n", 0, cursor) + 1
    end = text.find("\n", cursor)
    end = len(text) if end < 0 else end
    pieces = list(_pieces(content, text[start:end], room))
    row = _row_of(content, pieces)
    total = sum(piece.cells for piece in pieces)
    column = _cells_before(content, start, cursor, room)
    if total < room or (total == room and cursor < end):
        return (_with_hint(content, row, room) if end == len(text) else row), column
    left = max(0, min(column - room * 2 // 3, total + 1 - room))
    shown = slice_row(row, left, room)
    column -= left
    faint = content.styles.faint
    # A mark must not cover the cursor.
    if left > 0 and column > 0:
        shown = (Span(ELLIPSIS, faint), *slice_row(shown, 1, room))
    if total > left + room and column < room - 1:
        shown = (*slice_row(shown, 0, room - 1), Span(ELLIPSIS, faint))
    return shown, column


def _with_hint(content: Content, row: Row, room: int) -> Row:
    hint = content.hint.partition("\n")
    text = hint[0] + (ELLIPSIS if hint[1] else "")
    shown = clip(text, room - row_width(row))
    return (*row, Span(shown, content.styles.faint)) if shown else row


def _chunks(content: Content, line: str, at: int, room: int) -> Iterator[_Chunk]:
    """Split a line that begins at `at` into chunks for rows of `room` cells."""
    if line.isascii() and line.isprintable():
        for start in range(0, len(line), room) if line else [0]:
            part = line[start : start + room]
            row = (Span(part, content.styles.text),) if part else ()
            yield _Chunk(at + start, at + start + len(part), row, len(part))
        return
    pieces: list[_Piece] = []
    used, start, end = 0, at, at
    for piece in _pieces(content, line, room):
        if used + piece.cells > room:
            yield _Chunk(start, end, _row_of(content, pieces), used)
            pieces, used, start = [], 0, end
        pieces.append(piece)
        used += piece.cells
        end += piece.length
    yield _Chunk(start, end, _row_of(content, pieces), used)


def _pieces(content: Content, line: str, room: int) -> Iterator[_Piece]:
    for part in split_folds(line):
        if is_fold(part):
            label = clip(content.label(part), room)
            yield _Piece(1, label, width(label), folded=True)
            continue
        for cluster, cells in clusters(part.replace("\t", " ")):
            if cells > room:
                yield _Piece(len(cluster), ELLIPSIS, 1)
            else:
                yield _Piece(len(cluster), cluster, cells)


def _row_of(content: Content, pieces: list[_Piece]) -> Row:
    spans: list[Span] = []
    plain: list[str] = []
    for piece in pieces:
        if piece.folded:
            if plain:
                spans.append(Span("".join(plain), content.styles.text))
                plain = []
            spans.append(Span(piece.shown, content.styles.folded))
        else:
            plain.append(piece.shown)
    if plain:
        spans.append(Span("".join(plain), content.styles.text))
    return tuple(spans)


def _cells_before(content: Content, start: int, end: int, room: int) -> int:
    part = content.text[start:end]
    if part.isascii():
        return len(part)
    return sum(piece.cells for piece in _pieces(content, part, room))
