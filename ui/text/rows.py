"""Rows of styled text, independent of terminal sequences."""

from __future__ import annotations

import msgspec


class Style(msgspec.Struct, frozen=True):
    """The style of text; the default is that of the terminal.

    Colors are 0 to 255 of the terminal's palette, or `(red, green, blue)`. `reverse`
    swaps the colors of text and background.
    """

    fg: int | tuple[int, int, int] | None = None
    bg: int | tuple[int, int, int] | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


PLAIN = Style()


class Span(msgspec.Struct, frozen=True):
    """Text in one style, safe to show, without line breaks."""

    text: str
    style: Style = PLAIN


Row = tuple[Span, ...]
"""A line of the screen; the rest at the right is blank."""


class Frame(msgspec.Struct, frozen=True):
    """A whole screen.

    Attributes:
        rows: The rows from top to bottom, not larger than the screen.
        cursor: Row and column of the text cursor, from 0; None to hide it.
    """

    rows: tuple[Row, ...]
    cursor: tuple[int, int] | None = None
