"""Icons, colors and formats of statuses, durations and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from .rows import PLAIN, Style

if TYPE_CHECKING:
    from datetime import datetime

    from ...actors import Task, TaskStatus

_MINUTE: Final = 60
_HOUR: Final = 3600
_PALETTE: Final = 256


class Icons(msgspec.Struct, frozen=True):
    """The icons of a list of tasks, each one cell wide.

    There is one for each status, for a paused task, for a task that waits for input,
    and a branch before a task that waits for the task above it.
    """

    queued: str
    running: str
    complete: str
    failed: str
    canceled: str
    paused: str
    awaits_input: str
    branch: str

    def of_task(self, task: Task) -> str:
        """Return the icon of a task in its current state."""
        if task.is_paused:
            return self.paused
        return self.awaits_input if task.awaits_input else self.of(task.status)

    def of(self, status: TaskStatus) -> str:
        """Return the icon of a status."""
        sign: str = getattr(self, status.value)  # the field has its name
        return sign


UNICODE_ICONS: Final = Icons("○", "●", "✓", "✗", "⊘", "‖", "?", "└")
ASCII_ICONS: Final = Icons("o", "*", "+", "x", "-", "=", "?", "`")


def icons_for(encoding: str | None) -> Icons:
    """Return the icons for an encoding: ASCII if it can't encode the others."""
    signs = "".join(msgspec.structs.astuple(UNICODE_ICONS))
    try:
        signs.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII_ICONS
    return UNICODE_ICONS


class Signs(msgspec.Struct, frozen=True):
    """The other signs of a drawn screen, each one cell wide."""

    rule: str
    prompt: str
    more: str
    spinner: str
    bar_full: str
    bar_rest: str
    dot: str
    dash: str
    down: str
    up: str
    edge: str


UNICODE_SIGNS: Final = Signs(
    rule="─",
    prompt="\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    more="…",
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    bar_full="━",
    bar_rest="·",
    dot="·",
    dash="\N{EN DASH}",
    down="↓",
    up="↑",
    edge="│",
)
ASCII_SIGNS: Final = Signs("-", ">", "~", "|/-\\", "#", ".", "|", "-", "v", "^", "|")


class Theme(msgspec.Struct, frozen=True):
    """The styles of a drawn screen, by meaning."""

    text: Style
    faint: Style
    title: Style
    rule: Style
    you: Style
    partner: Style
    command: Style
    problem: Style
    queued: Style
    running: Style
    complete: Style
    failed: Style
    canceled: Style
    selected: Style
    unread: Style
    match: Style
    bar: Style

    def of(self, status: TaskStatus) -> Style:
        """Return the style of a status."""
        style: Style = getattr(self, status.value)  # the field has its name
        return style


DARK: Final = Theme(
    text=PLAIN,
    faint=Style(fg=245),
    title=Style(fg=255, bold=True),
    rule=Style(fg=238),
    you=Style(fg=117, bold=True),
    partner=Style(fg=183, bold=True),
    command=Style(fg=152),
    problem=Style(fg=210),
    queued=Style(fg=245),
    running=Style(fg=81),
    complete=Style(fg=114),
    failed=Style(fg=203, bold=True),
    canceled=Style(fg=179),
    selected=Style(bg=237),
    unread=Style(fg=222, bold=True),
    match=Style(fg=16, bg=222),
    bar=Style(fg=81),
)
"""For a dark background and 256 colors."""

LIGHT: Final = Theme(
    text=PLAIN,
    faint=Style(fg=243),
    title=Style(fg=16, bold=True),
    rule=Style(fg=250),
    you=Style(fg=25, bold=True),
    partner=Style(fg=91, bold=True),
    command=Style(fg=24),
    problem=Style(fg=124),
    queued=Style(fg=243),
    running=Style(fg=25),
    complete=Style(fg=28),
    failed=Style(fg=160, bold=True),
    canceled=Style(fg=130),
    selected=Style(bg=254),
    unread=Style(fg=130, bold=True),
    match=Style(fg=16, bg=222),
    bar=Style(fg=25),
)
"""For a light background and 256 colors."""

UNSURE: Final = Theme(
    text=PLAIN,
    faint=Style(fg=244),
    title=Style(bold=True),
    rule=Style(fg=244),
    you=Style(fg=32, bold=True),
    partner=Style(fg=134, bold=True),
    command=PLAIN,
    problem=Style(fg=160),
    queued=Style(fg=244),
    running=Style(fg=32),
    complete=Style(fg=34),
    failed=Style(fg=160, bold=True),
    canceled=Style(fg=166),
    selected=Style(reverse=True),
    unread=Style(fg=166, bold=True),
    match=Style(reverse=True),
    bar=Style(fg=32),
)
"""For 256 colors and an unknown background: readable on black and on white."""

BASIC: Final = Theme(
    text=PLAIN,
    faint=Style(dim=True),
    title=Style(bold=True),
    rule=Style(dim=True),
    you=Style(fg=6, bold=True),
    partner=Style(fg=5, bold=True),
    command=Style(fg=6),
    problem=Style(fg=1),
    queued=PLAIN,
    running=Style(fg=6),
    complete=Style(fg=2),
    failed=Style(fg=1, bold=True),
    canceled=Style(fg=3),
    selected=Style(reverse=True),
    unread=Style(fg=3, bold=True),
    match=Style(reverse=True, bold=True, underline=True),
    bar=Style(fg=6),
)
"""For the 16 colors of the terminal's own theme."""

COLOURLESS: Final = Theme(
    text=PLAIN,
    faint=Style(dim=True),
    title=Style(bold=True),
    rule=Style(dim=True),
    you=Style(bold=True),
    partner=Style(bold=True),
    command=PLAIN,
    problem=Style(bold=True),
    queued=Style(dim=True),
    running=PLAIN,
    complete=PLAIN,
    failed=Style(bold=True),
    canceled=Style(dim=True),
    selected=Style(reverse=True),
    unread=Style(bold=True),
    match=Style(reverse=True, bold=True, underline=True),
    bar=PLAIN,
)
"""Without color; for `NO_COLOR`."""


def theme_for(colours: int, *, light: bool | None) -> Theme:
    """Return the theme for so many colors, and a light background (None: unknown)."""
    if colours <= 0:
        return COLOURLESS
    if colours < _PALETTE:
        return BASIC
    if light is None:
        return UNSURE
    return LIGHT if light else DARK


class Look(msgspec.Struct, frozen=True):
    """The look of a drawn screen.

    Attributes:
        theme: The styles.
        icons: The icons of tasks.
        signs: The other signs.
        thoughts: Whether the partner's reasoning is unfolded.
    """

    theme: Theme
    icons: Icons
    signs: Signs
    thoughts: bool = False

    @property
    def is_ascii(self) -> bool:
        """Whether only ASCII is shown."""
        return self.icons is ASCII_ICONS

    @classmethod
    def of(cls, encoding: str | None, colours: int, *, light: bool | None) -> Look:
        """Return the look for a terminal; see `icons_for` and `theme_for`."""
        icons = icons_for(encoding)
        signs = UNICODE_SIGNS if icons is UNICODE_ICONS else ASCII_SIGNS
        return cls(theme_for(colours, light=light), icons, signs)


def duration_text(seconds: float | None) -> str:
    """Return a duration for people: `0.3s`, `41.2s`, `1m 05s`, `2h 03m`."""
    if seconds is None:
        return "-"
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"


def clock_text(at: datetime) -> str:
    """Return a time of day in the local time zone: `10:41`."""
    return f"{at.astimezone():%H:%M}"
