"""The start times of waiting tasks."""

from __future__ import annotations

import heapq

from .tidy import tidy


class DueTimes:
    """The earliest start times of tasks, in seconds of one clock."""

    def __init__(self) -> None:
        self.by_id: dict[int, float] = {}
        """The times that have not come; read-only for others."""
        # May contain stale entries.
        self._heap: list[tuple[float, int]] = []

    def set(self, task_id: int, due: float) -> None:
        """Set the time of a task."""
        self.by_id[task_id] = due
        heapq.heappush(self._heap, (due, task_id))
        tidy(self._heap, len(self.by_id), lambda it: self.by_id.get(it[1]) == it[0])

    def drop(self, task_id: int) -> None:
        """Remove the time of a task."""
        self.by_id.pop(task_id, None)

    def take_due(self, now: float) -> list[int]:
        """Return the tasks whose time has come, by time; each only once."""
        come: list[int] = []
        while (at := self.next()) is not None and at <= now:
            _, task_id = heapq.heappop(self._heap)
            del self.by_id[task_id]
            come.append(task_id)
        return come

    def next(self) -> float | None:
        """Return the next time; None if there is none."""
        while self._heap:
            at, task_id = self._heap[0]
            if self.by_id.get(task_id) == at:
                return at
            heapq.heappop(self._heap)
        return None
