"""The screen of a terminal as a self-contained SVG picture."""

from __future__ import annotations

import io
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

if TYPE_CHECKING:
    import pyte
    from pyte.screens import Char

THEME: Final = TerminalTheme(
    (22, 25, 31),
    (208, 211, 217),
    [
        (59, 66, 82),
        (224, 108, 117),
        (135, 195, 125),
        (229, 192, 123),
        (97, 175, 239),
        (198, 140, 221),
        (86, 182, 194),
        (208, 211, 217),
    ],
    [
        (108, 114, 128),
        (240, 130, 138),
        (160, 215, 150),
        (240, 210, 150),
        (130, 195, 250),
        (215, 165, 235),
        (115, 205, 215),
        (255, 255, 255),
    ],
)
"""Its own background makes the picture readable on a light page and on a dark one."""

# The width of a cell by its height: that of most fonts named below.
_ASPECT: Final = 0.6

# rich's own would fetch a font.
_FORMAT: Final = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "SF Mono", Menlo, "Cascadia Mono", "DejaVu Sans Mono",
        "Liberation Mono", Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
    font-variant-ligatures: none;
}}
.{unique_id}-title {{
    font-family: system-ui, sans-serif;
    font-size: 16px;
    opacity: 0.7;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})"
    clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

# As a reversed blank it leaves no seams, which it does in most fonts.
_BLOCK: Final = "\N{FULL BLOCK}"

# pyte's words for the sixteen colours of a terminal; one of them is misspelled there.
_WORDS: Final = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_NUMBERS: Final = {
    **{word: number for number, word in enumerate(_WORDS)},
    **{f"bright{word}": number for number, word in enumerate(_WORDS, 8)},
    "bfightmagenta": 13,
}


def picture(screen: pyte.Screen, name: str) -> str:
    """Draw a screen in a window with its title.

    Args:
        screen: The screen; its cursor is drawn if it is visible.
        name: A name that is unique on a page.

    Returns:
        An SVG document.
    """
    console = Console(
        record=True,
        file=io.StringIO(),
        width=screen.columns,
        color_system="truecolor",
        force_terminal=True,
        no_color=False,
        legacy_windows=False,
    )
    for row in range(screen.lines):
        console.print(_text(screen, row), no_wrap=True, crop=False)
    svg = console.export_svg(
        title=screen.title,
        theme=THEME,
        code_format=_FORMAT,
        font_aspect_ratio=_ASPECT,
        unique_id=name,
    )
    # rich leaves out the edge that it wants the last row to be cut at.
    svg = svg.replace(f' clip-path="url(#{name}-line-{screen.lines - 1})"', "")
    # A font of another width would otherwise leave gaps in rules and bars.
    return svg.replace(" textLength=", ' lengthAdjust="spacingAndGlyphs" textLength=')


def _text(screen: pyte.Screen, row: int) -> Text:
    cursor = None if screen.cursor.hidden else (screen.cursor.y, screen.cursor.x)
    cells = (
        (_style(cell, cursor=cursor == (row, column)), cell.data.replace(_BLOCK, " "))
        for column, cell in enumerate(_cells(screen, row))
    )
    return Text.assemble(
        *(
            ("".join(data for _, data in run), style)
            for style, run in groupby(cells, key=itemgetter(0))
        )
    )


def _cells(screen: pyte.Screen, row: int) -> list[Char]:
    return [screen.buffer[row][column] for column in range(screen.columns)]


def _style(cell: Char, *, cursor: bool) -> Style:
    return Style(
        color=_color(cell.fg),
        bgcolor=_color(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        strike=cell.strikethrough,
        reverse=cell.reverse ^ cursor ^ (cell.data == _BLOCK),
    )


def _color(name: str) -> Color | None:
    """Parse a color of pyte: a word, or six hexadecimal digits."""
    if name == "default":
        return None
    if name in _NUMBERS:
        return Color.from_ansi(_NUMBERS[name])
    return Color.parse(f"#{name}")
