"""What a terminal is drawn with: its sequences and colours, and styles made of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Final

import msgspec

from ..text.rows import PLAIN, Style

if TYPE_CHECKING:
    from collections.abc import Mapping

    import blessed

TRUE_COLOR: Final = 1 << 24
"""The number of colours of a terminal that takes red, green and blue."""

_FOREGROUND, _BACKGROUND = 30, 40
_BRIGHT: Final = 60
_BASIC: Final = 8
_CUBE: Final = 16
_GRAYS: Final = 232
_STYLES: Final = ("normal", "bold", "dim", "italic", "underline", "reverse")
_LEVELS: Final = (0, 95, 135, 175, 215, 255)


class Sequences(msgspec.Struct, frozen=True):
    """What a terminal is drawn with; each has the name that blessed has for it.

    `normal` switches all styles off. `clear` moves the cursor to the first cell too.
    """

    normal: str
    bold: str
    dim: str
    italic: str
    underline: str
    reverse: str
    enter_fullscreen: str
    exit_fullscreen: str
    hide_cursor: str
    normal_cursor: str
    clear: str
    clear_eol: str
    move_yx: Callable[[int, int], str]


STANDARD: Final = Sequences(
    normal="\x1b[m",
    bold="\x1b[1m",
    dim="\x1b[2m",
    italic="\x1b[3m",
    underline="\x1b[4m",
    reverse="\x1b[7m",
    enter_fullscreen="\x1b[?1049h",
    exit_fullscreen="\x1b[?1049l",
    hide_cursor="\x1b[?25l",
    normal_cursor="\x1b[?25h",
    clear="\x1b[H\x1b[2J",
    clear_eol="\x1b[K",
    move_yx=lambda row, column: f"\x1b[{row + 1};{column + 1}H",
)
"""The sequences of the standard (ECMA-48) and of xterm, which others support too.

Terminals pass over what they don't know of it.
"""


def learned(built: blessed.Terminal) -> Sequences:
    """Return the sequences that blessed knows; the standard's where it knows none."""
    known = {
        name: str(getattr(built, name)) or getattr(STANDARD, name)
        for name in Sequences.__struct_fields__
        if name not in {"move_yx", *_STYLES}
    }
    styles = {name: str(getattr(built, name)) for name in _STYLES}

    @lru_cache(4096)
    def move_yx(row: int, column: int) -> str:
        return str(built.move_yx(row, column)) or STANDARD.move_yx(row, column)

    return Sequences(**known, **styles, move_yx=move_yx)


def multiplexer(environ: Mapping[str, str]) -> str:
    """Return which multiplexer shows the terminal: `tmux`, `screen` or nothing."""
    kind = environ.get("TERM", "")
    if environ.get("TMUX") or kind.startswith("tmux"):
        return "tmux"
    return "screen" if environ.get("STY") or kind.startswith("screen") else ""


def promised_colors(environ: Mapping[str, str], multiplexer: str) -> int:
    """Return how many colours there surely are, as far as the environment tells."""
    if environ.get("NO_COLOR"):
        return 0
    palette = 256 if "256color" in environ.get("TERM", "") else 0
    if environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return 256 if multiplexer == "screen" else TRUE_COLOR
    return palette


def build(stream: IO[str], multiplexer: str) -> tuple[blessed.Terminal, int]:
    """Build blessed's terminal; return it, and how many colours to use.

    With a stream that is not the standard output blessed asks the terminal nothing,
    where it would otherwise wait for the answer.
    """
    import blessed  # noqa: PLC0415 - see `Terminal.learn`

    # It takes NO_COLOR for: no sequences at all, not even to move the cursor.
    no_color = os.environ.pop("NO_COLOR", None)
    try:
        built = blessed.Terminal(stream=stream)
    finally:
        if no_color is not None:
            os.environ["NO_COLOR"] = no_color
    # Nearest by eye; the default takes a hundred times longer and wins nothing.
    built.color_distance_algorithm = "rgb-weighted"
    if no_color:
        return built, 0
    known = built.number_of_colors
    if multiplexer == "screen":
        # It inherits COLORTERM from a terminal that has more colours than itself.
        known = min(known, 256)
    colors = next(n for n in (TRUE_COLOR, 256, 16, 8, 0) if known >= n)
    built.number_of_colors = colors
    return built, colors


class Styling:
    """Writes styles for one kind of terminal.

    Args:
        sequences: Those of the terminal.
        colors: How many colours to use: 0, 8, 16, 256 or `TRUE_COLOR`.
        reduce: Returns the nearest colour of the palette for red, green and blue;
            without it a colour that the terminal does not have is left out.
    """

    def __init__(
        self,
        sequences: Sequences,
        colors: int,
        reduce: Callable[[int, int, int], int] | None = None,
    ) -> None:
        self._sequences = sequences
        self._colors = colors
        self._reduce = reduce
        self._reduced = lru_cache(1024)(self._nearest)
        self._cached = lru_cache(1024)(self._sequence)
        self.reset = sequences.normal
        """What switches every style off."""

    def sequence(self, style: Style) -> str:
        """Return what switches a style on, from the terminal's own; maybe nothing."""
        return self._cached(style)

    def _sequence(self, style: Style) -> str:
        if style == PLAIN:
            return ""
        known = self._sequences
        parts = (
            known.bold if style.bold else "",
            known.dim if style.dim else "",
            known.italic if style.italic else "",
            known.underline if style.underline else "",
            known.reverse if style.reverse else "",
            self._color(style.fg, _FOREGROUND),
            self._color(style.bg, _BACKGROUND),
        )
        return "".join(parts)

    def _color(self, color: int | tuple[int, int, int] | None, base: int) -> str:
        if color is None or self._colors == 0:
            return ""
        if isinstance(color, tuple):
            if self._colors == TRUE_COLOR:
                red, green, blue = color
                return f"\x1b[{base + 8};2;{red};{green};{blue}m"
            color = self._reduced(color)
        elif color >= self._colors:
            # The second eight of the sixteen are the first eight, but bright.
            bright = color < 2 * _BASIC
            color = color - _BASIC if bright else self._reduced(palette_color(color))
        if color is None:
            return ""
        if color < _BASIC:
            return f"\x1b[{base + color}m"
        if color < 2 * _BASIC:
            return f"\x1b[{base + _BRIGHT + color - _BASIC}m"
        return f"\x1b[{base + 8};5;{color}m"

    def _nearest(self, color: tuple[int, int, int]) -> int | None:
        return self._reduce(*color) if self._reduce else None


def palette_color(index: int) -> tuple[int, int, int]:
    """Return the red, green and blue of a colour of the palette, from 16 to 255."""
    if index >= _GRAYS:
        gray = 8 + 10 * (index - _GRAYS)
        return gray, gray, gray
    index -= _CUBE
    return _LEVELS[index // 36], _LEVELS[index // 6 % 6], _LEVELS[index % 6]
