"""Telling somebody who looks elsewhere that tasks have ended, but not too often."""

from __future__ import annotations

import math
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
        self._ends: list[tuple[int, Task]] = []
        self._next = 0.0

    @property
    def seq(self) -> int:
        """The number of the last change that there is something to say of."""
        return self._ends[-1][0] if self._ends else 0

    def add(self, task: Task, seq: int) -> None:
        """Note that a task has ended."""
        self._ends.append((seq, task))

    def drop(self, seq: float = math.inf) -> None:
        """Forget the changes up to this one: somebody has noticed them."""
        self._ends = [it for it in self._ends if it[0] > seq]

    def due(self, now: float) -> float | None:
        """Return after how many seconds there is something to say; none for nothing."""
        return max(0.0, self._next - now) if self._ends else None

    def take(self, now: float) -> str | None:
        """Return what is to be said, if anything is; the next only after a pause."""
        if not self._ends:
            return None
        (_, task), *others = self._ends
        text = self._many() if others else self._one(task)
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
        statuses = Counter(task.status for _, task in self._ends)
        parts = [f"{count} {status}" for status, count in statuses.items()]
        return f"{len(self._ends)} tasks have ended: {', '.join(parts)}"
