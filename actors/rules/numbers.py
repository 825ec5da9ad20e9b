"""Bounds of the numbers of a session: ids of tasks, and numbers of changes."""

from __future__ import annotations

from typing import Final

LARGEST: Final = (1 << 53) - 1
"""The largest number that a session stores or accepts."""

LAST_OPENED: Final = LARGEST - (1 << 16)
"""The last number with which a session opens, since opening and closing use numbers."""

ROOM_FOR_MORE: Final = LARGEST - (1 << 32)
"""The last number with which tasks are added; the rest is for existing tasks."""
