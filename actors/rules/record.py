"""Values that belong together and stay in this process: neither sent nor written down.

A dataclass does the same, but defining one takes a millisecond of each start.
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True):
    """The base of values that don't change."""


class ChangingRecord(msgspec.Struct):
    """The base of values that change."""
