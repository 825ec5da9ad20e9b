"""The bounds of the numbers of a session: ids of tasks, and numbers of changes."""

from __future__ import annotations

from typing import Final

LARGEST: Final = (1 << 53) - 1
"""The largest number that a session writes down, and that it reads."""

LAST_OPENED: Final = LARGEST - (1 << 16)
"""Beyond it a session is not opened: opening and closing it takes numbers as well."""

ROOM_FOR_MORE: Final = LARGEST - (1 << 32)
"""Beyond it a session takes no new task: all that it has can still be counted."""
