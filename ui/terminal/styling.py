"""The sequences, colors and styles with which a terminal is drawn."""

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
"""The number of colors of a terminal with RGB colors."""

_FOREGROUND, _BACKGROUND = 30, 40
_BRIGHT: Final = 60
_BASIC: Final = 8
_CUBE: Final = 16
_GRAYS: Final = 232
_STYLES: Final = ("bold", "dim", "italic", "underline", "reverse")
_LEVELS: Final = (0, 95, 135, 175, 215, 255)


class Sequences(msgspec.Struct, frozen=True):
    """The sequences of a terminal, with their names in blessed.

    `normal` resets all styles. `clear` also moves the cursor to the first cell.
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
"""The sequences of ECMA-48 and xterm, which most terminals support.

Terminals ignore unknown ones.
"""


def learned(built: blessed.Terminal) -> Sequences:
    """Return the sequences of blessed, with those of `STANDARD` where it has none."""
    known = {
        name: str(getattr(built, name)) or getattr(STANDARD, name)
        for name in Sequences.__struct_fields__
        if name not in {"move_yx", "normal", *_STYLES}
    }
    styles = {name: str(getattr(built, name)) for name in ("normal", *_STYLES)}

    @lru_cache(4096)
    def move_yx(row: int, column: int) -> str:
        return str(built.move_yx(row, column)) or STANDARD.move_yx(row, column)

    return Sequences(**known, **styles, move_yx=move_yx)


def multiplexer(environ: Mapping[str, str]) -> str:
    """Return the multiplexer around the terminal: `tmux`, `screen` or empty."""
    kind = environ.get("TERM", "")
    if environ.get("TMUX") or kind.startswith("tmux"):
        return "tmux"
    return "screen" if environ.get("STY") or kind.startswith("screen") else ""


def promised_colors(environ: Mapping[str, str], multiplexer: str) -> int:
    """Return the number of colors that the environment guarantees."""
    if environ.get("NO_COLOR"):
        return 0
    palette = 256 if "256color" in environ.get("TERM", "") else 0
    if environ.get("COLORTERM") in {"truecolor", "24bit"}:
        return 256 if multiplexer == "screen" else TRUE_COLOR
    return palette


def build(stream: IO[str], multiplexer: str) -> tuple[blessed.Terminal, int]:
    """Build blessed's terminal; return it and the number of colors to use.

    With a stream other than standard output, blessed doesn't query the terminal, which
    would block.
    """
    import blessed  # noqa: PLC0415 - see `Terminal.learn`

    # With NO_COLOR blessed returns no sequences at all, not even cursor movement.
    no_color = os.environ.pop("NO_COLOR", None)
    try:
        built = blessed.Terminal(stream=stream)
    finally:
        if no_color is not None:
            os.environ["NO_COLOR"] = no_color
    # Perceptually weighted; the default is a hundred times slower and no better.
    built.color_distance_algorithm = "rgb-weighted"
    if no_color:
        return built, 0
    known = built.number_of_colors
    if multiplexer == "screen":
        # A multiplexer may inherit COLORTERM from a terminal with more colors.
        known = min(known, 256)
    colors = next(n for n in (TRUE_COLOR, 256, 16, 8, 0) if known >= n)
    built.number_of_colors = colors
    return built, colors


class Styling:
    """Converts styles to the sequences of a terminal.

    Args:
        sequences: The sequences of the terminal.
        colors: The number of colors to use: 0, 8, 16, 256 or `TRUE_COLOR`.
        reduce: Returns the nearest palette color for red, green and blue; without it,
            colors that the terminal does not have are omitted.
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
        """The sequence that resets all styles."""

    def sequence(self, style: Style) -> str:
        """Return the sequence that sets a style after a reset; may be empty."""
        return self._cached(style)

    def _sequence(self, style: Style) -> str:
        if style == PLAIN:
            return ""
        known = self._sequences
        parts = [getattr(known, name) for name in _STYLES if getattr(style, name)]
        parts.append(self._color(style.fg, _FOREGROUND))
        parts.append(self._color(style.bg, _BACKGROUND))
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
            # Colors 8 to 15 are the bright versions of colors 0 to 7.
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
    """Return the red, green and blue of a palette color from 16 to 255."""
    if index >= _GRAYS:
        gray = 8 + 10 * (index - _GRAYS)
        return gray, gray, gray
    index -= _CUBE
    return _LEVELS[index // 36], _LEVELS[index // 6 % 6], _LEVELS[index % 6]
