"""Measure, clip, pad and wrap text by its width on a screen.

Widths are in terminal cells: a wide character or an emoji takes two, a combining mark
none. Grapheme clusters (a letter and its accent, a flag) are never split. All text must
be safe to show, see `actors.safe_text`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from unicodedata import combining

from .rows import PLAIN, Row, Span, Style

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ELLIPSIS: Final = "…"
"""Replaces cut text, and a character too wide for a single column."""

_WORD_OR_BLANKS: Final = re.compile(r" +|[^ ]+")
# Latin, Greek and Cyrillic letters, and the chat's own signs: each takes one cell in
# any context. They avoid wcwidth, whose import takes a tenth of a start.
_PLAIN_TEXT: Final = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0391-\u0482"
    "\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25fc\u2713-\u2718\u2800-\u28ff]*"
)
# These, and the letters of Hebrew, Arabic, Thai and Vietnamese, kana, Chinese
# characters, Hangul syllables and common signs; none of them joins another. Compiled on
# first use: compiling it at import would slow down each start.
_UNJOINED_TEXT: Final = (
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0391-\u0482\u05d0-\u05ea\u0621-\u064a\u0e01-\u0e30"
    "\u0e40-\u0e46\u1e00-\u1eff\u2010-\u2027\u2705\u274c\u3001-\u3029\u3041-\u3096"
    "\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
    "\U0001f300-\U0001f320\U0001f600-\U0001f64f]*"
)
_FLAG_LETTERS: Final = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_HANGING: Final = "  "
_LEAST_INSIDE: Final = 4
_KEPT_WIDTHS: Final = 4096
_LONGEST_KEPT: Final = 256


def is_plain(text: str) -> bool:
    """Return whether each character is certainly a cluster of one cell."""
    return text.isascii() or _PLAIN_TEXT.fullmatch(text) is not None


def width(text: str) -> int:
    """Return the width of a text in cells: the sum of its clusters."""
    if is_plain(text):
        return len(text)
    if re.fullmatch(_UNJOINED_TEXT, text):
        from wcwidth import wcswidth

        return wcswidth(text)
    if len(text) <= _LONGEST_KEPT:
        return _width_by_clusters(text)
    return sum(cells for _, cells in clusters(text))


@lru_cache(_KEPT_WIDTHS)
def _width_by_clusters(text: str) -> int:
    """Measure text with clusters; cached, since most text of a frame was in the last.

    `wcswidth` of the whole text is quadratic in a run of flags, and differs from the
    sum of the clusters where a joiner joins nothing.
    """
    return sum(cells for _, cells in clusters(text))


def is_even(text: str) -> bool:
    """Return whether each character takes one cell, so that all terminals agree."""
    if is_plain(text):
        return True
    from wcwidth import wcwidth

    return all(wcwidth(char) == 1 for char in text)


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Split a text into grapheme clusters, each with its width in cells."""
    if is_plain(text):
        for char in text:
            yield char, 1
    else:
        from wcwidth import iter_graphemes, wcswidth, wcwidth

        for cluster in iter_graphemes(text):
            cells = wcswidth(cluster)
            if cells < 0:
                cells = sum(max(0, wcwidth(char)) for char in cluster)
            yield cluster, cells


def cluster_around(text: str, position: int) -> tuple[int, int]:
    """Return the start and end of the cluster around a position.

    Both are the position itself if it is between two clusters.
    """
    if is_plain(text[max(0, position - 1) : position + 1]):
        return position, position
    # Start at an earlier cluster boundary that is certain, since a line may be long.
    at = min(position, len(text) - 1)
    while at > 0 and not _begins_cluster(text, at):
        at -= 1
    end = text.find("\n", position)
    for cluster, _ in clusters(text[at : end if end >= 0 else len(text)]):
        if at + len(cluster) > position:
            return (at, at + len(cluster)) if at < position else (position, position)
        at += len(cluster)
    return position, position


def _begins_cluster(text: str, at: int) -> bool:
    """Return whether a cluster certainly begins at an index."""
    before, here = text[at - 1], text[at]
    if before == "\n" or here == "\n":
        return True
    if here in _FLAG_LETTERS:
        # Two of them make a flag, counted from the start of the run.
        count = at - len(text[:at].rstrip(_FLAG_LETTERS))
        return count > 0 and count % 2 == 0
    if not is_plain(here) and not re.fullmatch(_UNJOINED_TEXT, here):
        return False
    # A character of `_UNJOINED_TEXT` doesn't join another one, or a combining mark.
    return re.fullmatch(_UNJOINED_TEXT, before) is not None or combining(before) > 0


def clip(text: str, columns: int, ellipsis: str = ELLIPSIS) -> str:
    """Cut a line to at most `columns`; the ellipsis, if it fits, marks the cut."""
    if width(text) <= columns:
        return text
    if width(ellipsis) > columns:
        ellipsis = ""
    return _fitting(text, columns - width(ellipsis)) + ellipsis


def pad(text: str, columns: int) -> str:
    """Make a text exactly `columns` wide: clip it, or pad it with blanks."""
    text = clip(text, columns)
    return text + " " * (columns - width(text))


def wrap(text: str, columns: int) -> list[str]:
    """Wrap a line at words into lines of at most `columns` cells.

    A word that is too long is split. Blanks at a break are dropped.

    Returns:
        At least one line; an empty one for an empty text.
    """
    if columns < 1:
        return [""]
    if width(text) <= columns:
        return [text]
    lines: list[str] = []
    line, used = "", 0
    for token in _WORD_OR_BLANKS.findall(text):
        cells = width(token)
        if used + cells <= columns:
            line, used = line + token, used + cells
            continue
        if line.strip(" "):
            lines.append(line.rstrip(" "))
        if token.startswith(" "):
            line, used = "", 0
            continue
        *full, line = cut(token, columns)
        lines += full
        used = width(line)
    if line or not lines:
        lines.append(line)
    return lines


def wrap_indented(text: str, columns: int) -> list[str]:
    """Wrap a line at words, with the indentation of the line.

    See `wrap`. An indentation of half the width or more is dropped.
    """
    words = text.lstrip(" ")
    indent = len(text) - len(words)
    if width(text) <= columns or indent > columns // 2:
        return wrap(text, columns)
    return [text[:indent] + part for part in wrap(words, columns - indent)]


def break_row(text: str, columns: int) -> list[str]:
    """Wrap a row of a table, with the continuation indented a little.

    It breaks between words if a word ends in the second half of the columns, else
    anywhere, so that a long word stays in its column. Blanks are kept, except at a
    break.

    Returns:
        At least one line; an empty one for an empty text.
    """
    inside = columns - len(_HANGING)
    if width(text) <= columns or inside < _LEAST_INSIDE:
        return cut(text, columns)
    rows: list[str] = []
    line, used, room = "", 0, columns
    for token in _WORD_OR_BLANKS.findall(text):
        cells = width(token)
        if used + cells > room and (token[0] == " " or used > room // 2):
            rows += [line.rstrip(" ")] if line.strip(" ") else []
            line, used, room = "", 0, inside
            if token[0] == " ":
                continue
        if used + cells <= room:
            line, used = line + token, used + cells
            continue
        head = cut(token, room - used)[0]
        rows.append(line + head)
        *full, line = cut(token[len(head) :], inside)
        rows += full
        used, room = width(line), inside
    first, *others = [*rows, line] if line or not rows else rows
    return [first, *(f"{_HANGING}{it}" for it in others)]


def cut(text: str, columns: int) -> list[str]:
    """Split a text anywhere into pieces of at most `columns` cells.

    Nothing is dropped, but with a single column a wide character becomes `ELLIPSIS`.

    Returns:
        At least one piece; an empty one for an empty text.
    """
    if is_plain(text):
        return [text[at : at + columns] for at in range(0, len(text), columns)] or [""]
    pieces: list[str] = []
    piece: list[str] = []
    used = 0
    for cluster, cells in clusters(text):
        if cells > columns:
            cluster, cells = ELLIPSIS, 1  # noqa: PLW2901 - the piece to use instead
        if used + cells > columns:
            pieces.append("".join(piece))
            piece, used = [], 0
        piece.append(cluster)
        used += cells
    pieces.append("".join(piece))
    return pieces


def row_width(row: Iterable[Span]) -> int:
    """Return the width of a row in cells."""
    return sum(width(span.text) for span in row)


def clip_row(row: Row, columns: int, ellipsis: str = ELLIPSIS) -> Row:
    """Cut a row to at most `columns`; mark the cut in the style of the cut text."""
    if row_width(row) <= columns:
        return row
    if width(ellipsis) > columns:
        ellipsis = ""
    room = columns - width(ellipsis)
    spans: list[Span] = []
    for span in row:
        cells = width(span.text)
        if cells > room:
            text = _fitting(span.text, room) + ellipsis
            if text:
                spans.append(Span(text, span.style))
            break
        spans.append(span)
        room -= cells
    return tuple(spans)


def pad_row(row: Row, columns: int, style: Style = PLAIN) -> Row:
    """Make a row exactly `columns` wide: clip it, or pad it with styled blanks."""
    row = clip_row(row, columns)
    missing = columns - row_width(row)
    return (*row, Span(" " * missing, style)) if missing > 0 else row


def slice_row(row: Row, start: int, columns: int) -> Row:
    """Return the part of a row from cell `start` on, `columns` wide.

    Half of a wide character at an edge becomes a blank.
    """
    end = start + columns
    at = 0
    spans: list[Span] = []
    for span in row:
        cells = width(span.text)
        if at + cells > start and at < end:
            text = _window(span.text, start - at, end - at)
            spans.append(Span(text, span.style))
        at += cells
    return tuple(spans)


def cut_row(row: Row, columns: int) -> list[Row]:
    """Split a row anywhere into rows of at most `columns` cells; see `cut`."""
    rows: list[Row] = []
    spans: list[Span] = []
    room = columns
    for span in row:
        cells = width(span.text)
        if cells <= room:
            spans.append(span)
            room -= cells
            continue
        first = _fitting(span.text, room) if room else ""
        if first:
            spans.append(Span(first, span.style))
        if spans:
            rows.append(tuple(spans))
        *full, last = cut(span.text[len(first) :], columns)
        rows += [(Span(text, span.style),) for text in full]
        spans = [Span(last, span.style)]
        room = columns - width(last)
    if spans or not rows:
        rows.append(tuple(spans))
    return rows


def _fitting(text: str, columns: int) -> str:
    """Return the longest start of a text that fits."""
    if columns <= 0:
        return ""
    if is_plain(text):
        return text[:columns]
    used = length = 0
    for cluster, cells in clusters(text):
        if used + cells > columns:
            break
        used += cells
        length += len(cluster)
    return text[:length]


def _window(text: str, start: int, end: int) -> str:
    """Return the cells from `start` to `end` of a text."""
    start = max(0, start)
    if is_plain(text):
        return text[start:end]
    kept: list[str] = []
    at = 0
    for cluster, cells in clusters(text):
        inside = min(at + cells, end) - max(at, start)
        if inside == cells:
            kept.append(cluster)
        elif inside > 0:
            kept.append(" " * inside)
        at += cells
    return "".join(kept)
