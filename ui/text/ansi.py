"""Lines that programs print: their colours kept, everything else made safe."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ...actors.rules.safe_text import TAB_WIDTH, safe_line
from .rows import PLAIN, Row, Span, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

# ESC begins a new sequence wherever it stands, inside an unfinished one too, so that
# cutting a line here never changes what its other sequences are.
_SGR: Final = re.compile(r"\x1b\[([0-9;:]*)m")

# Unicode keeps these for a program's own use: they stand for what `safe_line` would
# resolve within each piece of a line, and which only the whole line can tell.
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


def sgr_row(line: str, style: Style = PLAIN) -> Row:
    """Make one line of a program's output safe to show, and keep its colours.

    The text of the row is what `actors.safe_text.safe_line` makes of the line, but
    tabs count only what is seen before them.

    Args:
        line: Anything, without line breaks.
        style: What the line starts with.
    """
    row, _ = sgr_row_and_style(line, style)
    return row


def sgr_row_and_style(line: str, style: Style = PLAIN) -> tuple[Row, Style]:
    """Do the same as `sgr_row`, and return the style at the end of the line too."""
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
    """Change a style by the parameters of an SGR sequence, as in `1;38;5;208`.

    What is unknown or malformed changes nothing.
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
    """Take the colour after a 38 or 48: `5;N` or `2;R;G;B`."""
    match _number(next(fields, "")):
        case 5:
            return _palette(_number(next(fields, "-")))
        case 2:
            red, green, blue = (_number(next(fields, "-")) for _ in range(3))
            return _rgb(red, green, blue)
        case _:
            return None


def _colon_color(details: list[int]) -> _Color | None:
    """Read `5:N`, `2:R:G:B` or `2:SPACE:R:G:B` (the colour space means nothing)."""
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
    """Read a parameter; an empty one is 0, one that is none of ours -1."""
    if not field:
        return 0
    return int(field) if field.isdecimal() and len(field) <= _DIGITS else -1


def _last_version(pieces: list[Span]) -> list[Span]:
    """Keep what was written last after a carriage return, as on a terminal."""
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
    """Leave out empty pieces, and join neighbours of one style."""
    row: list[Span] = []
    for piece in pieces:
        if row and row[-1].style == piece.style:
            row[-1] = Span(row[-1].text + piece.text, piece.style)
        elif piece.text:
            row.append(piece)
    return tuple(row)
