r"""The events of a terminal: keys, pastes, mouse, and its answers.

The name of a key is its modifiers, in the order `ctrl-`, `alt-`, `shift-`, and the key:
a printable character (`a`, `A`, `é`, `/`), `space`, or one of `enter tab backspace
escape insert delete home end pgup pgdn up down left right f1` to `f12`. Examples:
`ctrl-c`, `alt-b`, `alt-enter`, `shift-tab`, `ctrl-left`, `ctrl-alt-x`. The control
characters without a letter are `ctrl-space`, `ctrl-\`, `ctrl-]`, `ctrl-^` and `ctrl-_`
(which is also what Ctrl+/ sends); Ctrl+J is `ctrl-j`, Ctrl+H `ctrl-h`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class Key(msgspec.Struct, frozen=True):
    """A key was pressed.

    Attributes:
        name: The name; see the module's docstring.
        text: The text that it types, safe to show; may be empty.
    """

    name: str
    text: str = ""

    @property
    def after_escape(self) -> Key | None:
        """The key typed after Esc, if tmux or a slow connection has joined the two."""
        char = self.name.removeprefix("alt-")
        return Key(char, char) if len(char) == 1 and char != self.name else None


ESCAPE: Final = Key("escape")


class Typed(msgspec.Struct, frozen=True):
    """Several characters arrived at once, as if each had been typed."""

    keys: tuple[Key, ...]

    @property
    def text(self) -> str:
        """The text that they type."""
        return "".join([key.text for key in self.keys])


class Paste(msgspec.Struct, frozen=True):
    r"""Text was pasted. It is unchanged, except that all line breaks are `\n`.

    It is not safe to show.

    Attributes:
        text: The text.
        cut: Whether the paste was longer than `PASTE_LIMIT`, so that the rest is lost.
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
    """The terminal's window has gained or lost the focus."""

    focused: bool


class BackgroundColor(msgspec.Struct, frozen=True):
    """The terminal's answer to OSC 11: its background, each part from 0 to 255."""

    red: int
    green: int
    blue: int

    @property
    def is_dark(self) -> bool:
        """Whether light text is more readable on it than dark text."""
        luminance = 0.299 * self.red + 0.587 * self.green + 0.114 * self.blue
        return luminance < _MIDDLE


class DeviceAttributes(msgspec.Struct, frozen=True):
    """The terminal's answer to DA1; it follows the answers to earlier queries."""

    numbers: tuple[int, ...]


class KeyboardProtocol(msgspec.Struct, frozen=True):
    """The terminal's answer to `CSI ? u`: it supports the kitty keyboard protocol."""

    flags: int


TerminalAnswer = BackgroundColor | DeviceAttributes | KeyboardProtocol

Event = Key | Typed | Paste | Wheel | Click | FocusChange | TerminalAnswer

_MIDDLE: Final = 128


def joined(events: Iterable[Event]) -> list[Event]:
    """Join consecutive keys that type text into one `Typed`."""
    found: list[Event] = []
    run: list[Key] = []
    for event in events:
        if isinstance(event, Key) and event.text:
            run.append(event)
            continue
        found += _run(run)
        run = []
        found.append(event)
    return found + _run(run)


def _run(keys: list[Key]) -> list[Event]:
    return [Typed(tuple(keys))] if len(keys) > 1 else [*keys]
