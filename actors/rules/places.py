"""The places of waiting tasks within their priority."""

from __future__ import annotations

import itertools
from typing import Final

Place = tuple[int, ...]
"""The sort key of a task within its priority; the lowest is the first.

By default `(id, 0)`. A task that is moved before another one gets the other's place
with a negative number inserted before the last, which sorts it after all tasks that
came before the other one.
"""

LONGEST_PLACE: Final = 16
"""Maximum length of a place; beyond it the places around it are renumbered."""

_BEFORE: Final = -(1 << 52)


class Places:
    """The places of the tasks that were moved, and counters for new places."""

    def __init__(self) -> None:
        self._moved: dict[int, Place] = {}
        self._newest = 0
        self._firsts = itertools.count(-1, -1)
        self._lasts = itertools.count(1)
        self._befores = itertools.count(_BEFORE)

    def of(self, task_id: int) -> Place:
        """Return the place of a task."""
        return self._moved.get(task_id, (task_id, 0))

    def rank(self, task_id: int, priority: int) -> Place:
        """Return the sort key of a task among all priorities; it ends with the id."""
        place = self._moved.get(task_id)
        if place is None:
            return (-priority, task_id, 0, task_id)
        return (-priority, *place, task_id)

    def see(self, task_id: int) -> None:
        """Record the id of a task; later calls of `last` return places after it."""
        self._newest = max(self._newest, task_id)

    def put(self, task_id: int, place: Place) -> None:
        """Set the place of a task."""
        self._moved[task_id] = place

    def remember(self, task_id: int, place: Place) -> None:
        """Set a stored place of a task; new places don't collide with it."""
        self.put(task_id, place)
        self._newest = max(self._newest, place[0])
        if place[0] < 0:
            self._firsts = _beyond(self._firsts, place[0], -1)
        for number in place[1:-1]:
            if number < 0:
                self._befores = _beyond(self._befores, number, 1)
            else:
                self._lasts = _beyond(self._lasts, number, 1)

    def drop(self, task_id: int) -> None:
        """Remove the place of a task."""
        self._moved.pop(task_id, None)

    def first(self) -> Place:
        """Return a new place before all others."""
        return (next(self._firsts), 0)

    def last(self) -> Place:
        """Return a new place after all others."""
        return (self._newest, next(self._lasts), 0)

    def before(self, other: int) -> Place:
        """Return a new place right before that of another task."""
        *front, _ = self.of(other)
        return (*front, next(self._befores), 0)

    def shortened(self, anchor: int) -> list[tuple[int, Place | None]]:
        """Return shorter places for all tasks that were moved to one point.

        Args:
            anchor: The first number of their places.

        Returns:
            The ids and new places, in order; None for a place that stays.
        """
        moved = [it for it, place in self._moved.items() if place[0] == anchor]
        moved.sort(key=self.of)
        shortened: list[tuple[int, Place | None]] = []
        for task_id in moved:
            *front, _ = self._moved[task_id]
            place: Place | None = None
            if len(front) > 1:
                numbers = self._befores if front[1] < 0 else self._lasts
                place = (anchor, next(numbers), 0)
            shortened.append((task_id, place))
        return shortened


def _beyond(
    count: itertools.count[int], number: int, step: int
) -> itertools.count[int]:
    here = next(count)
    return itertools.count(
        max(here, number + 1) if step > 0 else min(here, number - 1), step
    )
