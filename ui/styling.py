"""Styles as the sequences of a terminal, in the colours that it has."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from .rows import PLAIN, Style

if TYPE_CHECKING:
    import blessed

TRUE_COLOR: Final = 1 << 24
"""The number of colours of a terminal that takes red, green and blue."""

_FOREGROUND, _BACKGROUND = 30, 40
_BRIGHT: Final = 60
_BASIC: Final = 8
_CUBE: Final = 16
_GRAYS: Final = 232
_LEVELS: Final = (0, 95, 135, 175, 215, 255)


class Styling:
    """Writes styles for one terminal.

    Args:
        terminal: Knows the sequences.
        colors: How many colours to use: 0, 8, 16, 256 or `TRUE_COLOR`.
    """

    def __init__(self, terminal: blessed.Terminal, colors: int) -> None:
        self._terminal = terminal
        self._colors = colors
        self._reduced = lru_cache(1024)(self._reduce)
        self._cached = lru_cache(1024)(self._sequence)
        self.reset = str(terminal.normal)
        """What switches every style off."""
        # Nearest by eye; the default takes a hundred times longer and wins nothing.
        terminal.color_distance_algorithm = "rgb-weighted"

    def sequence(self, style: Style) -> str:
        """Return what switches a style on, from the terminal's own; maybe nothing."""
        return self._cached(style)

    def _sequence(self, style: Style) -> str:
        if style == PLAIN:
            return ""
        terminal = self._terminal
        parts = [
            terminal.bold if style.bold else "",
            terminal.dim if style.dim else "",
            terminal.italic if style.italic else "",
            terminal.underline if style.underline else "",
            terminal.reverse if style.reverse else "",
            self._color(style.fg, _FOREGROUND),
            self._color(style.bg, _BACKGROUND),
        ]
        return "".join(map(str, parts))

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
        if color < _BASIC:
            return f"\x1b[{base + color}m"
        if color < 2 * _BASIC:
            return f"\x1b[{base + _BRIGHT + color - _BASIC}m"
        return f"\x1b[{base + 8};5;{color}m"

    def _reduce(self, color: tuple[int, int, int]) -> int:
        return self._terminal.rgb_downconvert(*color)


def palette_color(index: int) -> tuple[int, int, int]:
    """Return the red, green and blue of a colour of the palette, from 16 to 255."""
    if index >= _GRAYS:
        gray = 8 + 10 * (index - _GRAYS)
        return gray, gray, gray
    index -= _CUBE
    return _LEVELS[index // 36], _LEVELS[index // 6 % 6], _LEVELS[index % 6]
