"""Pending waits for tasks, and their results."""

from __future__ import annotations

from typing import Final

import msgspec

from ...actors import Task, TaskStatus
from .answers import WaitAnswer
from .reports import ids_text

_NAMED: Final = 5  # maximum number of failed tasks named in a result
_ENDS: Final = {
    TaskStatus.COMPLETE: "has finished",
    TaskStatus.FAILED: "has failed",
    TaskStatus.CANCELED: "was canceled",
}


class Wait(msgspec.Struct):
    """A wait for one task, or for all.

    Attributes:
        task_ids: The tasks that have not ended yet.
        where: The conversation of the wait.
        everything: Whether it is for all tasks.
        ended: The tasks that have ended.
    """

    task_ids: set[int]
    where: str | None
    everything: bool = False
    ended: list[Task] = []

    def answer(self) -> WaitAnswer:
        """Return the result for programs."""
        return WaitAnswer(tuple(self.ended))

    def outcome(self) -> str:
        """Return the result for people."""
        if not self.everything:
            (task,) = self.ended
            return f"#{task.id} {_ENDS[task.status]}"
        parts = ["all tasks have finished"]
        for status in (TaskStatus.FAILED, TaskStatus.CANCELED):
            ids = [task.id for task in self.ended if task.status is status]
            if ids:
                parts.append(f"{status}: {ids_text(ids, _NAMED)}")
        return "; ".join(parts)


class Waits:
    """All pending waits."""

    def __init__(self) -> None:
        self._waits: list[Wait] = []

    def __bool__(self) -> bool:
        return bool(self._waits)

    def add(self, wait: Wait) -> None:
        """Add a wait for tasks that have not ended."""
        self._waits.append(wait)

    def drop(self, task_id: int) -> list[Wait]:
        """Remove the waits for a task whose end is unknown, and return them."""
        over = [it for it in self._waits if task_id in it.task_ids]
        self._waits = [it for it in self._waits if it not in over]
        return over

    def take_end(self, task: Task) -> list[Wait]:
        """Record the end of a task; return the waits that are over."""
        over: list[Wait] = []
        for wait in tuple(self._waits):
            if task.id not in wait.task_ids:
                continue
            wait.task_ids.remove(task.id)
            wait.ended.append(task)
            if not wait.task_ids:
                self._waits.remove(wait)
                over.append(wait)
        return over
