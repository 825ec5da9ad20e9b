"""Parsers of option values of verbs."""

from __future__ import annotations

import signal
from argparse import ArgumentTypeError
from typing import Final

from .output import Position

_MOST_SLOTS: Final = 1_000_000


def task_id(text: str) -> int:
    """Parse an id such as `3` or `#3`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 - fits 64 bits
        raise ArgumentTypeError(f"{text!r} is not a task id; use a number such as 3")
    return int(digits)


def position(text: str) -> Position:
    """Parse a position in a task's output: `2048`, or `3:2048` for that of task 3."""
    given, colon, offset = text.rpartition(":")
    try:
        return Position(count(offset), task_id(given) if colon else None)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{text!r} is not a position in an output; use bytes such as 2048, or"
            " the position that the last call reported, such as 3:2048"
        ) from None


def count(text: str) -> int:
    """Parse a whole number from 0."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def group_slots(text: str) -> int:
    """Parse the number of slots of a group; 0 for no limit."""
    number = count(text)
    if number > _MOST_SLOTS:
        raise ArgumentTypeError(
            f"{text!r} is not a number of tasks from 0 to {_MOST_SLOTS}"
        )
    return number


def slots(text: str) -> int:
    """Parse a number of slots; 0 for `default`."""
    if text == "default":
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= _MOST_SLOTS):
        raise ArgumentTypeError(
            f"{text!r} is not a number of tasks from 1 to {_MOST_SLOTS}"
        )
    return int(text)


def seconds(text: str) -> float:
    """Parse seconds from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return value


def variable(text: str) -> tuple[str, str]:
    """Parse `NAME=VALUE`."""
    name, found, value = text.partition("=")
    if not name or not found:
        raise ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def signal_number(text: str) -> int:
    """Parse a signal: `TERM`, `SIGTERM` or `15`."""
    if text.isascii() and text.isdigit() and int(text) in {*signal.Signals}:
        return int(text)
    name = text.upper().removeprefix("SIG")
    try:
        return signal.Signals[f"SIG{name}"]
    except KeyError:
        raise ArgumentTypeError(
            f"{text!r} is not a signal; use a name such as TERM"
        ) from None
