"""Named resources: names, amounts, and parsing and formatting them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from .safe_text import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Final = {"": 1.0, "K": 2.0**10, "M": 2.0**20, "G": 2.0**30, "T": 2.0**40}
# Compiled on first use, to keep the start fast.
_AMOUNT: Final = r"(?a)(\d{1,15}(?:\.\d{1,6})?)([KMGT]?)"
_NAME: Final = r"[A-Za-z][A-Za-z0-9._-]{0,31}"

LARGEST: Final = 2.0**50
"""The largest amount of a resource."""

SMALLEST: Final = 0.001
"""The smallest amount of a resource; amounts are multiples of it."""


def is_resource_name(text: str) -> bool:
    """Return whether a text is a valid name of a resource."""
    return re.fullmatch(_NAME, text) is not None


def parse_amount(text: str) -> float:
    """Parse an amount such as `2`, `0.5` or `16G`.

    The suffixes K, M, G and T are powers of 1024.

    Raises:
        ValueError: If the text is invalid; the message is one line for people.
    """
    match = re.fullmatch(_AMOUNT, text.strip())
    amount = 0.0 if match is None else float(match[1]) * _UNITS[match[2]]
    if not is_amount(amount):
        raise ValueError(f"bad amount {brief(text)!r}; write it like 1, 0.5 or 16G")
    return amount


def is_amount(amount: float) -> bool:
    """Return whether an amount of a resource is valid."""
    return math.isfinite(amount) and SMALLEST <= amount <= LARGEST


def amount_text(amount: float) -> str:
    """Format an amount as people type it: `2`, `0.5`, `16G`."""
    for unit in ("T", "G", "M", "K"):
        scaled = amount / _UNITS[unit]
        if abs(scaled) >= 1 and round(scaled, 2) == scaled:
            return f"{scaled:.12g}{unit}"
    return f"{round(amount, 3):.12g}"


def units(amount: float) -> int:
    """Convert an amount to an integer, so that sums are exact."""
    return round(amount / SMALLEST)


def checked_resources(resources: Mapping[str, float | str]) -> dict[str, float]:
    """Validate configured resources; return the amount of each.

    Raises:
        ValueError: If a name or an amount is invalid; the message is for people.
    """
    checked: dict[str, float] = {}
    for name, given in resources.items():
        if not is_resource_name(name):
            raise ValueError(
                f"{brief(name)!r} can't be the name of a resource; use a short word"
            )
        try:
            amount = parse_amount(given) if isinstance(given, str) else float(given)
        except ValueError as error:
            raise ValueError(f"resource {name}: {error}") from None
        if not is_amount(amount):
            raise ValueError(
                f"resource {name}: the amount must be from {SMALLEST} to"
                f" {LARGEST:.0f}, not {amount:g}"
            )
        checked[name] = amount
    return checked
