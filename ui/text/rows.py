"""What a view draws: rows of styled text, free of any terminal's commands."""

from __future__ import annotations

import msgspec


class Style(msgspec.Struct, frozen=True):
    """How a piece of text looks; the default is the terminal's own.

    Attributes:
        fg: Text colour: 0 to 255 of the terminal's palette, or `(red, green, blue)`.
        bg: Background colour, the same.
        bold: Heavier.
        dim: Fainter.
        italic: Slanted.
        underline: Underlined.
        reverse: Text and background colour exchanged.
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
    """A piece of text in one style; safe to show, without line breaks."""

    text: str
    style: Style = PLAIN


Row = tuple[Span, ...]
"""One line of the screen; what is missing on the right is blank."""


class Frame(msgspec.Struct, frozen=True):
    """A whole screen.

    Attributes:
        rows: From top to bottom, never more than the screen is high, none wider than
            it is wide.
        cursor: Row and column of the text cursor, from 0; None to hide it.
    """

    rows: tuple[Row, ...]
    cursor: tuple[int, int] | None = None
