"""Structs that stay in this process: neither sent nor stored.

Dataclasses would do the same, but defining each takes a millisecond at every start.
"""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True):
    """The base of immutable structs."""


class ChangingRecord(msgspec.Struct):
    """The base of mutable structs."""
