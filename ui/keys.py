r"""Keys, pastes and mouse from the bytes that a terminal sends.

A name of a key is its modifiers, in the order `ctrl-`, `alt-`, `shift-`, and what is
pressed: a printable character as it is (`a`, `A`, `é`, `/`), `space`, or one of
`enter tab backspace escape insert delete home end pgup pgdn up down left right f1` to
`f12`. So: `ctrl-c`, `alt-b`, `alt-enter`, `shift-tab`, `ctrl-left`, `ctrl-alt-x`.
The control characters without a letter are `ctrl-space`, `ctrl-\`, `ctrl-]`, `ctrl-^`
and `ctrl-_` (which is also what Ctrl+/ sends); Ctrl+J is `ctrl-j`, Ctrl+H `ctrl-h`.
"""

from __future__ import annotations

from typing import Final

import msgspec

ESCAPE_WAIT: Final = 0.1
"""Seconds after which a lone ESC is the Escape key; safe over ssh."""


class Key(msgspec.Struct, frozen=True):
    """A key was pressed.

    Attributes:
        name: Which, as this module's docstring says.
        text: What it types; empty if it types nothing. Safe to show.
    """

    name: str
    text: str = ""


class Paste(msgspec.Struct, frozen=True):
    r"""Text was pasted; exactly as it was, but line breaks are all `\n`.

    It may hold anything: make it safe before it is shown.

    Attributes:
        text: What was pasted.
        cut: Whether it was longer than `PASTE_LIMIT`, and the rest is lost.
    """

    text: str
    cut: bool = False


class Wheel(msgspec.Struct, frozen=True):
    """The mouse wheel was turned by one step, over column `x` of row `y`, from 0."""

    up: bool
    x: int
    y: int


class Click(msgspec.Struct, frozen=True):
    """The left mouse button was pressed, at column `x` of row `y`, from 0."""

    x: int
    y: int


class FocusChange(msgspec.Struct, frozen=True):
    """The terminal's window got or lost the focus."""

    focused: bool


class BackgroundColor(msgspec.Struct, frozen=True):
    """The terminal's answer to OSC 11: its background, each part from 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def is_dark(self) -> bool:
        """Whether light text reads better on it than dark text."""
        luminance = 0.299 * self.red + 0.587 * self.green + 0.114 * self.blue
        return luminance < _MIDDLE


class DeviceAttributes(msgspec.Struct, frozen=True):
    """The terminal's answer to DA1; whatever was asked before is answered by now."""

    numbers: tuple[int, ...]


TerminalAnswer = BackgroundColor | DeviceAttributes
Event = Key | Paste | Wheel | Click | FocusChange | TerminalAnswer

PASTE_LIMIT: Final = 1 << 24
"""Characters of the longest paste that is taken whole."""

_MIDDLE: Final = 128


class KeyDecoder:
    """Turns the bytes of a terminal into events, however they are cut.

    Takes time in proportion to the bytes, and holds back less than a kilobyte, a paste
    aside. Sequences that mean nothing here are dropped; invalid UTF-8 is replaced.
    """

    @property
    def pending(self) -> bool:
        """Whether `flush` would return something: call it after `ESCAPE_WAIT`."""
        raise NotImplementedError

    def feed(self, data: bytes) -> list[Event]:
        """Take what was read; return the events that are complete."""
        raise NotImplementedError

    def flush(self) -> list[Event]:
        """Return what a lone ESC means now that nothing followed it."""
        raise NotImplementedError
