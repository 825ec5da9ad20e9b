r"""Keys, pastes and mouse from the bytes that a terminal sends.

A name of a key is its modifiers, in the order `ctrl-`, `alt-`, `shift-`, and what is
pressed: a printable character as it is (`a`, `A`, `é`, `/`), `space`, or one of
`enter tab backspace escape insert delete home end pgup pgdn up down left right f1` to
`f12`. So: `ctrl-c`, `alt-b`, `alt-enter`, `shift-tab`, `ctrl-left`, `ctrl-alt-x`.
The control characters without a letter are `ctrl-space`, `ctrl-\`, `ctrl-]`, `ctrl-^`
and `ctrl-_` (which is also what Ctrl+/ sends); Ctrl+J is `ctrl-j`, Ctrl+H `ctrl-h`.
"""

from __future__ import annotations

import codecs
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.rules.safe_text import safe_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ESCAPE_WAIT: Final = 0.1
"""Seconds after which a lone ESC is the Escape key; safe over ssh."""

SEQUENCE_WAIT: Final = 1.0
"""Seconds in which the rest of a sequence may follow its ESC, on a slow line too."""

PASTE_STALL: Final = 0.1
"""Seconds without input after which a paste may have lost its end."""


class Key(msgspec.Struct, frozen=True):
    """A key was pressed.

    Attributes:
        name: Which, as this module's docstring says.
        text: What it types; empty if it types nothing. Safe to show.
    """

    name: str
    text: str = ""


class Typed(msgspec.Struct, frozen=True):
    """Several characters came at once, as if each had been typed.

    Attributes:
        keys: What was typed; every one of them types something.
    """

    keys: tuple[Key, ...]

    @property
    def text(self) -> str:
        """All that they type."""
        return "".join([key.text for key in self.keys])


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


class KeyboardProtocol(msgspec.Struct, frozen=True):
    """The terminal's answer to `CSI ? u`: it knows the kitty keyboard protocol."""

    flags: int


TerminalAnswer = BackgroundColor | DeviceAttributes | KeyboardProtocol
Event = Key | Typed | Paste | Wheel | Click | FocusChange | TerminalAnswer

PASTE_LIMIT: Final = 1 << 24
"""Characters of the longest paste that is taken whole."""

_MIDDLE: Final = 128
_ESC: Final = "\x1b"
_STRINGS: Final = "]PX^_"  # after ESC: OSC, DCS, SOS, PM and APC
_LONGEST_SEQUENCE: Final = 512
_PASTE_BEGINS: Final = "200"
_PASTE_ENDS: Final = "\x1b[201~"

_CONTROLS: Final = {
    "\t": "tab",
    "\r": "enter",
    "\x1b": "escape",
    "\x7f": "backspace",
    "\x00": "ctrl-space",
    "\x1c": "ctrl-\\",
    "\x1d": "ctrl-]",
    "\x1e": "ctrl-^",
    "\x1f": "ctrl-_",
}
_FINALS: Final = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "F": "end",
    "H": "home",
    "P": "f1",
    "Q": "f2",
    "R": "f3",
    "S": "f4",
    "Z": "shift-tab",
    "a": "shift-up",
    "b": "shift-down",
    "c": "shift-right",
    "d": "shift-left",
}
_SS3: Final = _FINALS | {
    "M": "enter",
    "a": "ctrl-up",
    "b": "ctrl-down",
    "c": "ctrl-right",
    "d": "ctrl-left",
}
_TILDES: Final = {
    1: "home",
    2: "insert",
    3: "delete",
    4: "end",
    5: "pgup",
    6: "pgdn",
    7: "home",
    8: "end",
    11: "f1",
    12: "f2",
    13: "f3",
    14: "f4",
    15: "f5",
    17: "f6",
    18: "f7",
    19: "f8",
    20: "f9",
    21: "f10",
    23: "f11",
    24: "f12",
}
_CONSOLE_FINALS: Final = {"A": "f1", "B": "f2", "C": "f3", "D": "f4", "E": "f5"}
# What the kitty keyboard protocol calls the keys beside the letters, as characters for
# private use; what is not here (media keys, the modifiers themselves) means nothing.
_PRIVATE_USE: Final = range(0xE000, 0xF900)
_KEYPAD: Final = dict(enumerate("0123456789./*-+", 57399)) | {
    57414: "enter",
    57415: "=",
    57416: ",",
    57417: "left",
    57418: "right",
    57419: "up",
    57420: "down",
    57421: "pgup",
    57422: "pgdn",
    57423: "home",
    57424: "end",
    57425: "insert",
    57426: "delete",
}
# What used to be one and the same byte, and is still meant by it.
_SAME_BYTE: Final = {
    "ctrl-i": "tab",
    "ctrl-m": "enter",
    "ctrl-[": "escape",
    "ctrl-/": "ctrl-_",
    "ctrl--": "ctrl-_",
    "ctrl-@": "ctrl-space",
}
_DIGITS: Final = 7
_OTHER_KEYS: Final = 27
_RELEASED: Final = 3
_SHIFT, _ALT, _CTRL = 1, 2, 4
_OTHER_MODIFIERS: Final = 8 | 16 | 32  # super, hyper and meta
_X10_REPORT: Final = len("\x1b[Mbxy")
_LEFT_BUTTON: Final = 0
_WHEEL_UP: Final = 64
_WHEEL_DOWN: Final = 65
_MOUSE_MODIFIERS: Final = 4 | 8 | 16
# The beginning of what a terminal sends; whoever types takes longer for less.
_LATE_SEQUENCE: Final = re.compile(
    r"\x1b(?:\[[<=>?]?[0-9;:]*\$?|O[0-9;]*|\](?:[0-9]+(?:;[^\x00-\x1f]*)?)?)"
)
_LATE_OPENERS: Final = "[O]"
_LATE_DROPPED: Final = "~uycnRtMm"
_INTERRUPTS: Final = "\x03\x04\x1b"
_COLOR: Final = re.compile(
    r"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})"
)


class KeyDecoder:
    """Turns the bytes of a terminal into events, however they are cut.

    Takes time in proportion to the bytes, and holds back less than a kilobyte, a paste
    aside. Sequences that mean nothing here are dropped; invalid UTF-8 is replaced.

    A lone ESC is the Escape key after `ESCAPE_WAIT`. If it was the first byte of a
    sequence all the same, on a slow line, the rest is taken for that sequence if it
    comes within `SEQUENCE_WAIT`, and not for what somebody types. A paste that has lost
    its end is ended by Ctrl+C, Ctrl+D or Escape, pressed while nothing else comes.

    Args:
        clock: Tells the time in seconds; it never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._clock = clock
        self._held = ""
        self._late = False  # what is held follows an Escape that was given out
        self._late_until = 0.0
        self._paste: _OpenPaste | None = None
        self._interrupt = ""
        self._fed = 0.0
        self._deadline: float | None = None
        self._events: list[Event] = []

    @property
    def deadline(self) -> float | None:
        """When to call `flush` if nothing comes before, by the clock; maybe never."""
        return self._deadline

    def feed(self, data: bytes) -> list[Event]:
        """Take what was read; return the events that are complete."""
        now = self._clock()
        text = self._decoder.decode(data)
        if self._paste and self._interrupts(text, now):
            return []
        text, self._interrupt = self._interrupt + text, ""
        if text and self._late_until:
            if now <= self._late_until and text[0] in _LATE_OPENERS:
                self._held, self._late = _ESC, True
            self._late_until = 0.0
        at = 0
        while at < len(text):
            if self._paste:
                at = self._take_pasted(self._paste, text, at)
            elif self._held:
                self._take_held(text[at])
                at += 1
            else:
                self._take_char(text[at])
                at += 1
        self._fed = now
        wait = self._patience(text)
        self._deadline = None if wait is None else now + wait
        return self._taken()

    def flush(self) -> list[Event]:
        """Return what was held back, now that nothing has followed it in time."""
        self._deadline = None
        if self._interrupt and self._paste:
            self._events.append(self._paste.close())
            self._paste = None
            text, self._interrupt = self._interrupt, ""
            for char in text:
                if self._held:
                    self._take_held(char)
                else:
                    self._take_char(char)
        if self._is_pending:
            self._late_until = self._clock() + SEQUENCE_WAIT if self._is_escape else 0.0
            self._give_up()
        return self._taken()

    @property
    def _is_escape(self) -> bool:
        return self._held == _ESC and not self._late

    @property
    def _is_pending(self) -> bool:
        # Only what a person can have typed: a longer sequence comes from the
        # terminal, and its end is on the way.
        return bool(self._held) and (self._late or len(self._held) <= len("\x1b["))

    def _patience(self, text: str) -> float | None:
        """Return how long what is held may wait for more; none for ever."""
        if self._paste:
            # A paste ends with its mark, unless that got lost.
            lost = text.endswith(("\x03", "\x04")) and not self._paste.is_ending
            self._interrupt = self._paste.take_back(_INTERRUPTS[:2]) if lost else ""
            return SEQUENCE_WAIT if lost else None
        if not self._is_pending:
            return None
        is_key = self._held == _ESC or self._held[1] not in _LATE_OPENERS
        return ESCAPE_WAIT if is_key and not self._late else SEQUENCE_WAIT

    def _interrupts(self, text: str, now: float) -> bool:
        """Tell whether somebody seems to press a key to get out of a paste."""
        pressed = self._interrupt + text
        if not text or pressed.strip(_INTERRUPTS) or now - self._fed < PASTE_STALL:
            return False
        self._interrupt = pressed
        self._deadline = now + ESCAPE_WAIT
        return True

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _take_char(self, char: str) -> None:
        if char == _ESC:
            self._held = _ESC
        elif key := _key_of(char):
            self._events.append(key)

    def _take_held(self, char: str) -> None:
        """Take one more character of a sequence that began with ESC."""
        held = self._held
        if self._late:
            self._take_late(char)
        elif len(held) == 1:
            self._take_second(char)
        elif held[1] in _STRINGS:
            self._take_string(char)
        elif held.startswith("\x1b[M"):
            self._held = held + char
            if len(self._held) == _X10_REPORT:
                self._held = ""
        elif char < " " or char > "~" or len(held) == _LONGEST_SEQUENCE:
            self._give_up()
            self._take_char(char)
        elif held[1] == "O":
            self._take_ss3(char)
        else:
            self._take_csi(char)

    def _take_late(self, char: str) -> None:
        """Go on with a sequence of which the ESC was given out as a key."""
        held = self._held + char
        if len(held) > _LONGEST_SEQUENCE:
            self._give_up()
            self._take_char(char)
        elif _LATE_SEQUENCE.fullmatch(held):
            self._held = held
        elif held[1] == "]" and (char == "\a" or held.endswith("\x1b\\")):
            self._late = False
            self._take_string(char)
        elif held[1] == "]" and char == _ESC:
            self._held = held
        elif held[1] != "]" and _LATE_SEQUENCE.fullmatch(self._held):
            self._end_late(held, char)
        else:
            self._give_up()
            self._take_char(char)

    def _end_late(self, held: str, final: str) -> None:
        parameters = held[2:-1]
        known = final in _LATE_DROPPED and parameters.strip("<=>?$")
        if held[1] == "O":
            known = final in _SS3
        elif final != "M" or parameters:
            known = known or _csi_event(parameters, final) is not None
        if not known:
            self._give_up()
            self._take_char(final)
            return
        self._late = False
        if held[1] == "O":
            self._take_ss3(final)
        else:
            self._take_csi(final)

    def _take_second(self, char: str) -> None:
        if char == _ESC:
            self._events.append(Key("escape"))
        elif char in f"[O{_STRINGS}":
            self._held += char
        else:
            self._held = ""
            if key := _key_of(char):
                self._events.append(Key(_modified(key.name, _ALT)))

    def _take_string(self, char: str) -> None:
        ended = self._held.endswith(_ESC)
        if char == "\a" or (ended and char == "\\"):
            if answer := _answer(self._held):
                self._events.append(answer)
            self._held = ""
        elif ended:
            self._held = _ESC
            self._take_held(char)
        elif (
            (char < " " and char != _ESC)
            or len(self._held) == _LONGEST_SEQUENCE
            or (self._held == "\x1b]" and not char.isalnum())
        ):
            self._give_up()
            self._take_char(char)
        else:
            self._held += char

    def _take_ss3(self, char: str) -> None:
        if char in "0123456789;":
            self._held += char
            return
        modifiers = self._held[2:].rpartition(";")[2]
        name = _SS3.get(char)
        if name is None:
            self._give_up()
            self._take_char(char)
            return
        self._held = ""
        self._events.append(Key(_modified(name, _modifiers(modifiers))))

    def _take_csi(self, char: str) -> None:
        if char < "@" or (char == "[" and len(self._held) == len("\x1b[")):
            self._held += char
            return
        parameters = self._held[2:]
        self._held = ""
        if char == "M" and not parameters:
            self._held = "\x1b[M"
        elif char == "~" and parameters == _PASTE_BEGINS:
            self._paste = _OpenPaste()
        elif event := _csi_event(parameters, char):
            self._events.append(event)

    def _take_pasted(self, paste: _OpenPaste, text: str, at: int) -> int:
        at, ended = paste.take(text, at)
        if ended:
            self._events.append(paste.close())
            self._paste = None
        return at

    def _give_up(self) -> None:
        """Take what is held for what a person has typed, if that can be."""
        held, self._held = self._held, ""
        late, self._late = self._late, False
        if late:
            # Whoever typed this had pressed Escape before.
            self._events += [key for char in held[1:] if (key := _key_of(char))]
        elif held == _ESC:
            self._events.append(Key("escape"))
        elif len(held) == len("\x1b["):
            self._events.append(Key(f"alt-{held[1]}"))


class _OpenPaste:
    """A bracketed paste of which the end has not come yet."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = PASTE_LIMIT
        self._cut = False
        self._tail = ""

    def take(self, text: str, at: int) -> tuple[int, bool]:
        """Take what is pasted from `text[at:]`.

        Returns:
            Where that ends, and whether the paste ends there.
        """
        if self._tail:
            # The end may have begun in what came before.
            seam = self._tail + text[at : at + len(_PASTE_ENDS)]
            if seam.startswith(_PASTE_ENDS):
                return at + len(_PASTE_ENDS) - len(self._tail), True
            if _PASTE_ENDS.startswith(seam):
                self._tail = seam
                return len(text), False
            self._add(self._tail)
            self._tail = ""
        end = text.find(_PASTE_ENDS, at)
        if end >= 0:
            self._add(text[at:end])
            return end + len(_PASTE_ENDS), True
        escape = text.rfind(_ESC, max(at, len(text) - len(_PASTE_ENDS) + 1))
        if escape >= 0 and _PASTE_ENDS.startswith(text[escape:]):
            self._tail = text[escape:]
            self._add(text[at:escape])
        else:
            self._add(text[at:])
        return len(text), False

    @property
    def is_ending(self) -> bool:
        """Whether the mark of the end has begun."""
        return bool(self._tail)

    def take_back(self, chars: str) -> str:
        """Take out what stands at the end and consists of these characters."""
        last = self._parts[-1] if self._parts else ""
        kept = last.rstrip(chars)
        if last:
            self._parts[-1] = kept
            self._room += len(last) - len(kept)
        return last[len(kept) :]

    def close(self) -> Paste:
        text = "".join(self._parts)
        return Paste(text.replace("\r\n", "\n").replace("\r", "\n"), self._cut)

    def _add(self, text: str) -> None:
        self._cut |= len(text) > self._room
        text = text[: self._room]
        self._room -= len(text)
        if text:
            self._parts.append(text)


def joined(events: Iterable[Event]) -> list[Event]:
    """Make one `Typed` of the keys next to each other that type something."""
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


@lru_cache(maxsize=1024)
def _key_of(char: str) -> Key | None:
    """Return the key that sends a single character, or none if it means nothing."""
    if name := _CONTROLS.get(char):
        return Key(name)
    if char < " ":
        return Key(f"ctrl-{chr(ord(char) | 0x60)}")
    if safe_line(char) != char:
        return None
    return Key("space" if char == " " else char, char)


def _csi_event(parameters: str, final: str) -> Event | None:
    if parameters.startswith("<"):
        return _mouse(parameters[1:], final)
    if parameters.startswith("["):
        name = _CONSOLE_FINALS.get(final)
        return Key(name) if name else None
    if parameters.startswith("?"):
        numbers = _numbers(parameters[1:])
        if final == "u":
            return KeyboardProtocol(numbers[0])
        return DeviceAttributes(tuple(numbers)) if final == "c" else None
    if not parameters and final in "IO":
        return FocusChange(final == "I")
    if final == "u":
        code, _, rest = parameters.partition(";")
        return _key_of_code(code, rest.partition(";")[0])
    code, _, modifiers = parameters.partition(";")
    if final == "~":
        numbers = _numbers(parameters)
        if numbers[0] == _OTHER_KEYS:
            modifiers, _, code = modifiers.partition(";")
            return _key_of_code(code, modifiers)
        name = _TILDES.get(numbers[0])
    else:
        name = _FINALS.get(final)
    if name is None or _is_release(modifiers):
        return None
    return Key(_modified(name, _modifiers(modifiers)))


def _mouse(parameters: str, final: str) -> Event | None:
    numbers = _numbers(parameters)
    if len(numbers) != len("bxy") or final != "M":
        return None
    button, x, y = numbers[0] & ~_MOUSE_MODIFIERS, numbers[1] - 1, numbers[2] - 1
    if x < 0 or y < 0:
        return None
    if button == _LEFT_BUTTON:
        return Click(x, y)
    if button in {_WHEEL_UP, _WHEEL_DOWN}:
        return Wheel(button == _WHEEL_UP, x, y)
    return None


def _key_of_code(codes: str, modifiers: str) -> Key | None:
    """Read a key given by code points, as newer keyboard protocols do.

    Args:
        codes: What it types; after a `:` what it types with Shift, and after another
            what is at its place on a keyboard with Latin letters.
        modifiers: What is held with it.
    """
    if _is_release(modifiers):
        return None
    code, shifted, base = [*codes.split(":"), "", ""][:3]
    held = _modifiers(modifiers)
    if held & _SHIFT and shifted and not held & (_CTRL | _ALT):
        code, held = shifted, held & ~_SHIFT
    key = _key_at(_number(code))
    if key is None or _held(modifiers) & _OTHER_MODIFIERS:
        return None
    if held & (_CTRL | _ALT) and len(key.name) == 1 and not key.name.isascii():
        # Ctrl+C is a place on the keyboard, whatever letter is painted on it.
        key = _key_at(_number(base)) or key
    if len(key.name) == 1 and held & _SHIFT:
        key = _key_of(key.name.upper()) or key
        held &= ~_SHIFT
    if not held or (key.text and held == _SHIFT):
        return key
    if held & _CTRL:
        key = _key_of(key.name.lower()) or key if len(key.name) == 1 else key
    name = _modified(key.name, held)
    return Key(_SAME_BYTE.get(name, name))


def _key_at(number: int) -> Key | None:
    """Return the key with a code point, or none if there is no such key."""
    if name := _KEYPAD.get(number):
        return Key(name, name if len(name) == 1 else "")
    if not 0 < number < 0x110000 or number in _PRIVATE_USE:  # noqa: PLR2004 - Unicode
        return None
    key = _key_of(chr(number))
    return None if key is None or key.name.startswith("ctrl-") else key


def _modified(name: str, held: int) -> str:
    """Put the names of modifiers before that of a key, always in one order."""
    for prefix, bit in (("ctrl-", _CTRL), ("alt-", _ALT), ("shift-", _SHIFT)):
        if name.startswith(prefix) and len(name) > len(prefix):
            name = name.removeprefix(prefix)
            held |= bit
    return (
        ("ctrl-" if held & _CTRL else "")
        + ("alt-" if held & _ALT else "")
        + ("shift-" if held & _SHIFT else "")
        + name
    )


def _modifiers(field: str) -> int:
    return _held(field) & (_SHIFT | _ALT | _CTRL)


def _held(field: str) -> int:
    """Read a field of modifiers: 1 and a bit for each; `:` begins the kind of event."""
    return max(0, _number(field.partition(":")[0]) - 1)


def _is_release(modifiers: str) -> bool:
    return _number(modifiers.partition(":")[2]) == _RELEASED


def _answer(sequence: str) -> TerminalAnswer | None:
    match = _COLOR.match(sequence)
    if not match:
        return None
    red, green, blue = (
        int(part, 16) * 255 // (16 ** len(part) - 1) for part in match.groups()
    )
    return BackgroundColor(red, green, blue)


def _numbers(parameters: str) -> list[int]:
    return [_number(field) for field in parameters.split(";")]


def _number(field: str) -> int:
    """Read a parameter; 0 for one that is missing or none."""
    return int(field) if field.isdecimal() and len(field) <= _DIGITS else 0
