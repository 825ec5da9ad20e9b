"""Parsing and formatting durations such as `10s`, `1h30m` or `500ms`."""

from __future__ import annotations

import re
from typing import Final

from .safe_text import brief

LONGEST: Final = 1e9
"""Maximum seconds of a duration; 31 years."""

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_NUMBER: Final = r"(\d{1,9}(?:\.\d{1,9})?)"
# Compiled on first use, to keep the start fast.
_DURATION: Final = (
    rf"(?a)(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m(?!s))?(?:{_NUMBER}s)?"
    rf"(?:{_NUMBER}ms)?"
)
_BARE: Final = rf"(?a){_NUMBER}"


def parse_duration(text: str) -> float:
    """Parse a duration such as `10s`, `1m30s` or `2d`; return seconds.

    A number without a unit means seconds, as for the `sleep` program.

    Raises:
        ValueError: If the text is invalid; the message is one line for people.
    """
    text = text.strip()
    if re.fullmatch(_BARE, text):
        return float(text)
    match = re.fullmatch(_DURATION, text)
    if not text or match is None:
        raise ValueError(
            f"bad duration {brief(text)!r}; write it like 10s, 1m30s or 500ms"
        )
    return sum(
        float(number) * unit
        for number, unit in zip(match.groups("0"), _UNITS.values(), strict=True)
    )


def short_duration(seconds: float) -> str:
    """Format a duration as people type it: `10m`, `1h30m`, `2.5s`."""
    whole = int(seconds)
    text = ""
    for unit in ("d", "h", "m"):
        amount, whole = divmod(whole, int(_UNITS[unit]))
        text += f"{amount}{unit}" if amount else ""
    rest = round(whole + seconds % 1, 3)
    return f"{text}{rest:g}s" if rest or not text else text
