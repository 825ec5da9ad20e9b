"""Lines that programs print: their colours kept, everything else made safe."""

from __future__ import annotations

from .rows import PLAIN, Row, Style


def sgr_row(line: str, style: Style = PLAIN) -> Row:
    """Make one line of a program's output safe to show, and keep its colours.

    The text of the row is what `actors.safe_text.safe_line` makes of the line.

    Args:
        line: Anything, without line breaks.
        style: What the line starts with.
    """
    row, _ = sgr_row_and_style(line, style)
    return row


def sgr_row_and_style(line: str, style: Style = PLAIN) -> tuple[Row, Style]:
    """Do the same as `sgr_row`, and return the style at the end of the line too."""
    raise NotImplementedError


def apply_sgr(parameters: str, style: Style) -> Style:
    """Change a style by the parameters of an SGR sequence, as in `1;38;5;208`.

    What is unknown or malformed changes nothing.
    """
    raise NotImplementedError
