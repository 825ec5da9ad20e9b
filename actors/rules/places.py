"""Where waiting tasks stand among those of their priority."""

from __future__ import annotations

import itertools
from typing import Final

Place = tuple[int, ...]
"""Where a task stands among those of its priority: the lowest is the first.

By default `(id, 0)`. A task that is put before another one has that one's place with a
negative number before the last: behind all that stood before it.
"""

LONGEST_PLACE: Final = 16
"""Numbers in a place; if one would have more, those around it are written anew."""

_BEFORE: Final = -(1 << 52)


class Places:
    """The places of those tasks that were moved, and the next ones that are free."""

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
        """Return by what tasks of all priorities are ordered; it ends with the id."""
        place = self._moved.get(task_id)
        if place is None:
            return (-priority, task_id, 0, task_id)
        return (-priority, *place, task_id)

    def see(self, task_id: int) -> None:
        """Note that there is such a task; what is put last stands behind it."""
        self._newest = max(self._newest, task_id)

    def put(self, task_id: int, place: Place) -> None:
        """Give a task a place."""
        self._moved[task_id] = place

    def remember(self, task_id: int, place: Place) -> None:
        """Give a task the place that it had; those given from now on lie beyond."""
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
        """Forget the place of a task."""
        self._moved.pop(task_id, None)

    def first(self) -> Place:
        """Return a new place before all others."""
        return (next(self._firsts), 0)

    def last(self) -> Place:
        """Return a new place behind all others."""
        return (self._newest, next(self._lasts), 0)

    def before(self, other: int) -> Place:
        """Return a new place right before that of another task."""
        *front, _ = self.of(other)
        return (*front, next(self._befores), 0)

    def shortened(self, anchor: int) -> list[tuple[int, Place | None]]:
        """Return new places for all that were moved to one point of the order.

        Args:
            anchor: The first number of their places.

        Returns:
            Their ids and new places, in their order; None for what keeps its place.
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
