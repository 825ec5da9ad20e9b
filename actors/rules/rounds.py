"""When all is done: the tasks that ended since none was open."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .status import TaskStatus


class Round:
    """Counts the tasks that end until none is open any more."""

    def __init__(self) -> None:
        self._ended: Counter[TaskStatus] = Counter()

    def add(self, status: TaskStatus, *, last: bool) -> Mapping[TaskStatus, int] | None:
        """Count a task that ended.

        Args:
            status: How.
            last: Whether no task is open any more.

        Returns:
            How many ended in each status, if that were the last of several.
        """
        self._ended[status] += 1
        if not last:
            return None
        ended, self._ended = self._ended, Counter()
        return ended if ended.total() > 1 else None


def all_done_text(ended: Mapping[TaskStatus, int]) -> str:
    """Say that all is done: `all 12 tasks have ended: 11 complete, 1 failed`."""
    parts = ", ".join(f"{count} {status}" for status, count in ended.items())
    return f"all {sum(ended.values())} tasks have ended: {parts}"
