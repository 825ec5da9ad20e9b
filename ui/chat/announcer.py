"""Telling somebody who looks elsewhere that tasks have ended, but not too often."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ...actors import TaskStatus
from ...actors.rules.safe_text import safe_line
from ..dialogue.facts import result
from ..dialogue.reports import state_text
from ..text.theme import duration_text

if TYPE_CHECKING:
    from ...actors import Task

PAUSE: Final = 2.0
"""Seconds between two announcements at least; what ends meanwhile is told together."""


class Announcer:
    """Collects the tasks that ended, and words them."""

    def __init__(self) -> None:
        self._count = 0
        self._statuses: Counter[TaskStatus] = Counter()
        self._last: Task | None = None
        self._next = 0.0

    def add(self, task: Task) -> None:
        """Note that a task has ended."""
        self._count += 1
        self._statuses[task.status] += 1
        self._last = task

    def drop(self) -> None:
        """Forget what was noted: somebody saw it happen."""
        self._count = 0
        self._statuses.clear()
        self._last = None

    def due(self, now: float) -> float | None:
        """Return after how many seconds there is something to say; none for nothing."""
        return max(0.0, self._next - now) if self._count else None

    def take(self, now: float) -> str | None:
        """Return what is to be said now, if anything is."""
        task = self._last
        if task is None or now < self._next:
            return None
        text = self._one(task) if self._count == 1 else self._many()
        self.drop()
        self._next = now + PAUSE
        return text

    @staticmethod
    def _one(task: Task) -> str:
        said = state_text(task)
        shown = task.status is TaskStatus.FAILED or bool(result(task))
        why = f": {said}" if shown else ""
        took = "" if task.duration is None else f" ({duration_text(task.duration)})"
        return safe_line(f"{task.description} {task.status}{why}{took}")

    def _many(self) -> str:
        parts = [f"{count} {status}" for status, count in self._statuses.items()]
        return f"{self._count} tasks have ended: {', '.join(parts)}"
