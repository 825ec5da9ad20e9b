"""The meanings of a terminal's sequences for keys, the mouse and answers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ...actors.rules.safe_text import safe_line
from .keys import (
    BackgroundColor,
    Click,
    DeviceAttributes,
    Event,
    FocusChange,
    Key,
    KeyboardProtocol,
    TerminalAnswer,
    Wheel,
)

ESC: Final = "\x1b"
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
SS3_NAMES: Final = _FINALS | {
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
# Functional keys of the kitty keyboard protocol, as private-use characters. Others
# (media keys, the modifiers themselves) are ignored.
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
# Keys with the same byte in the legacy encoding, which are treated as equal.
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
_SHIFT, ALT, _CTRL = 1, 2, 4
_OTHER_MODIFIERS: Final = 8 | 16 | 32  # super, hyper and meta
_LEFT_BUTTON: Final = 0
_WHEEL_UP: Final = 64
_WHEEL_DOWN: Final = 65
_MOUSE_MODIFIERS: Final = 4 | 8 | 16
_COLOR: Final = re.compile(
    r"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})"
)


@lru_cache(maxsize=1024)
def key_of(char: str) -> Key | None:
    """Return the key of a single character, or None if there is none."""
    if name := _CONTROLS.get(char):
        return Key(name)
    if char < " ":
        return Key(f"ctrl-{chr(ord(char) | 0x60)}")
    if safe_line(char) != char:
        return None
    return Key("space" if char == " " else char, char)


def csi_event(parameters: str, final: str) -> Event | None:
    """Return the event of a control sequence, or None if it is unknown."""
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
    return Key(modified(name, modifiers_of(modifiers)))


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
    """Parse a key given by code points, as in newer keyboard protocols.

    Args:
        codes: The key's character; after a `:` the character with Shift, and after a
            second `:` the character at its position on a Latin keyboard.
        modifiers: The field of modifiers.
    """
    if _is_release(modifiers):
        return None
    code, shifted, base = [*codes.split(":"), "", ""][:3]
    held = modifiers_of(modifiers)
    if held & _SHIFT and shifted and not held & (_CTRL | ALT):
        code, held = shifted, held & ~_SHIFT
    key = _key_at(_number(code))
    if key is None or _held(modifiers) & _OTHER_MODIFIERS:
        return None
    if held & (_CTRL | ALT) and len(key.name) == 1 and not key.name.isascii():
        # Ctrl+C is a position on the keyboard, in every layout.
        key = _key_at(_number(base)) or key
    if len(key.name) == 1 and held & _SHIFT:
        key = key_of(key.name.upper()) or key
        held &= ~_SHIFT
    if not held or (key.text and held == _SHIFT):
        return key
    if held & _CTRL:
        key = key_of(key.name.lower()) or key if len(key.name) == 1 else key
    name = modified(key.name, held)
    return Key(_SAME_BYTE.get(name, name))


def _key_at(number: int) -> Key | None:
    """Return the key with a code point, or None if there is none."""
    if name := _KEYPAD.get(number):
        return Key(name, name if len(name) == 1 else "")
    if not 0 < number < 0x110000 or number in _PRIVATE_USE:  # noqa: PLR2004 - Unicode
        return None
    key = key_of(chr(number))
    return None if key is None or key.name.startswith("ctrl-") else key


def modified(name: str, held: int) -> str:
    """Return the name of a key with modifiers, in the fixed order."""
    for prefix, bit in (("ctrl-", _CTRL), ("alt-", ALT), ("shift-", _SHIFT)):
        if name.startswith(prefix) and len(name) > len(prefix):
            name = name.removeprefix(prefix)
            held |= bit
    return (
        ("ctrl-" if held & _CTRL else "")
        + ("alt-" if held & ALT else "")
        + ("shift-" if held & _SHIFT else "")
        + name
    )


def modifiers_of(field: str) -> int:
    """Parse a field of modifiers; return the bits of Shift, Alt and Ctrl."""
    return _held(field) & (_SHIFT | ALT | _CTRL)


def _held(field: str) -> int:
    """Parse a field of modifiers: 1 plus their bits; the type of event follows `:`."""
    return max(0, _number(field.partition(":")[0]) - 1)


def _is_release(modifiers: str) -> bool:
    return _number(modifiers.partition(":")[2]) == _RELEASED


def terminal_answer(sequence: str) -> TerminalAnswer | None:
    """Return the answer in a control string without its terminator, or None."""
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
    """Parse a parameter; 0 if it is missing or invalid."""
    return int(field) if field.isdecimal() and len(field) <= _DIGITS else 0
