"""Lines of program output, made safe to show, with their colors."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ...actors.rules.safe_text import TAB_WIDTH, safe_line
from .rows import PLAIN, Row, Span, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

# ESC always begins a new sequence, even inside an unfinished one, so that splitting a
# line here never changes its other sequences.
_SGR: Final = re.compile(r"\x1b\[([0-9;:]*)m")

# Unicode noncharacters in place of characters that `safe_line` would resolve within
# each piece, but that depend on the whole line.
_RETURN: Final = "\ufdd0"
_TAB: Final = "\ufdd1"
_TO_MARKS: Final = {
    ord(_RETURN): "\N{REPLACEMENT CHARACTER}",
    ord(_TAB): "\N{REPLACEMENT CHARACTER}",
    ord("\r"): _RETURN,
    ord("\t"): _TAB,
    ord("\n"): " ",
}

_BYTE: Final = 255
_DIGITS: Final = 4
_ON: Final = {
    1: "bold",
    2: "dim",
    3: "italic",
    4: "underline",
    7: "reverse",
    21: "underline",
}
_OFF: Final = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    39: ("fg",),
    49: ("bg",),
}
_EXTENDED: Final = {38: "fg", 48: "bg"}
_UNDERLINE: Final = 4
_UNDERLINE_COLOR: Final = 58

_Color = int | tuple[int, int, int]


def sgr_row(line: str) -> Row:
    """Make a line of program output safe to show, and keep its colors.

    The text of the row is that of `actors.safe_text.safe_line`, except that tabs count
    only visible text before them. The line has no line breaks.
    """
    row, _ = sgr_row_and_style(line)
    return row


def sgr_row_and_style(line: str, style: Style = PLAIN) -> tuple[Row, Style]:
    """Return the row of `sgr_row`, and the style at the end of the line."""
    if line.isascii() and line.isprintable():
        return ((Span(line, style),) if line else ()), style
    pieces: list[Span] = []
    text, *rest = _SGR.split(line.translate(_TO_MARKS))
    pieces.append(Span(safe_line(text), style))
    for parameters, text in zip(rest[::2], rest[1::2], strict=True):
        style = apply_sgr(parameters, style)
        pieces.append(Span(safe_line(text), style))
    row = _joined(_without_tabs(_last_version(pieces)))
    return row, style


@lru_cache(maxsize=1024)
def apply_sgr(parameters: str, style: Style) -> Style:
    """Apply the parameters of an SGR sequence, such as `1;38;5;208`, to a style.

    Unknown or malformed parameters are ignored.
    """
    changes: dict[str, _Color | bool | None] = {}
    fields = iter(parameters.split(";"))
    for field in fields:
        code, *details = (_number(part) for part in field.split(":"))
        if code == 0:
            style, changes = PLAIN, {}
        elif code in _EXTENDED or code == _UNDERLINE_COLOR:
            color = _colon_color(details) if details else _semicolon_color(fields)
            if color is not None and code in _EXTENDED:
                changes[_EXTENDED[code]] = color
        elif code == _UNDERLINE and details:
            changes["underline"] = details[0] != 0
        elif code in _ON:
            changes[_ON[code]] = True
        elif code in _OFF:
            for name in _OFF[code]:
                changes[name] = None if name in {"fg", "bg"} else False
        else:
            changes |= _basic_color(code)
    return replace(style, **changes) if changes else style


def _basic_color(code: int) -> dict[str, _Color | bool | None]:
    for first, name, color in (
        (30, "fg", 0),
        (40, "bg", 0),
        (90, "fg", 8),
        (100, "bg", 8),
    ):
        if first <= code < first + 8:
            return {name: color + code - first}
    return {}


def _semicolon_color(fields: Iterator[str]) -> _Color | None:
    """Parse the color after a 38 or 48: `5;N` or `2;R;G;B`."""
    match _number(next(fields, "")):
        case 5:
            return _palette(_number(next(fields, "-")))
        case 2:
            red, green, blue = (_number(next(fields, "-")) for _ in range(3))
            return _rgb(red, green, blue)
        case _:
            return None


def _colon_color(details: list[int]) -> _Color | None:
    """Parse `5:N`, `2:R:G:B` or `2:SPACE:R:G:B` (the color space is ignored)."""
    match details:
        case [5, number, *_]:
            return _palette(number)
        case [2, red, green, blue] | [2, _, red, green, blue, *_]:
            return _rgb(red, green, blue)
        case _:
            return None


def _palette(number: int) -> int | None:
    return number if 0 <= number <= _BYTE else None


def _rgb(red: int, green: int, blue: int) -> tuple[int, int, int] | None:
    if all(0 <= part <= _BYTE for part in (red, green, blue)):
        return red, green, blue
    return None


def _number(field: str) -> int:
    """Parse a parameter; an empty one is 0, an invalid one -1."""
    if not field:
        return 0
    return int(field) if field.isdecimal() and len(field) <= _DIGITS else -1


def _last_version(pieces: list[Span]) -> list[Span]:
    """Keep only the text after the last carriage return, as a terminal shows it."""
    version: list[Span] = []
    for piece in reversed(pieces):
        *before, text = piece.text.split(_RETURN)
        version.append(Span(text, piece.style))
        for earlier in reversed(before):
            if any(span.text for span in version):
                return version[::-1]
            version = [Span(earlier, piece.style)]
    return version[::-1]


def _without_tabs(pieces: list[Span]) -> Iterator[Span]:
    at = 0
    for piece in pieces:
        text, *rest = piece.text.split(_TAB)
        at += len(text)
        for part in rest:
            blanks = TAB_WIDTH - at % TAB_WIDTH
            text += " " * blanks + part
            at += blanks + len(part)
        yield Span(text, piece.style)


def _joined(pieces: Iterator[Span]) -> Row:
    """Drop empty spans, and join neighbors with the same style."""
    row: list[Span] = []
    for piece in pieces:
        if row and row[-1].style == piece.style:
            row[-1] = Span(row[-1].text + piece.text, piece.style)
        elif piece.text:
            row.append(piece)
    return tuple(row)
