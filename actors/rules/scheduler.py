"""The scheduler: which waiting task starts next.

A plain class of ids and numbers, so that it can be rebuilt from the tasks. Every change
costs O(log n). `Dependencies` has the tasks that wait for others, `Places` the order,
`Room` the free slots and resources, and `WaitingLines` the tasks that wait only for
room.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec

from .dependencies import Dependencies
from .due_times import DueTimes
from .places import LONGEST_PLACE, Place, Places
from .queue_settings import QueueSettings
from .room import Room, group_key, resource_key
from .terms import PLAIN, Needs, Terms
from .wait_reasons import WaitReasons
from .waiting_lines import Key, Rank, WaitingLines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .status import TaskStatus


class Scheduler:
    """The order of waiting tasks, and the conditions of each. Not thread-safe."""

    def __init__(self, resources: Mapping[str, float] | None = None) -> None:
        self._room = Room(resources or {})
        self._terms: dict[int, Terms] = {}
        self._places = Places()
        self._times = DueTimes()
        self._dependencies = Dependencies()
        self._running: dict[int, tuple[Terms, int]] = {}
        self._immediate: dict[int, None] = {}
        self._lines = WaitingLines(self._room, self._terms, self._standing)
        self.settings = QueueSettings(self._room, self._lines)
        self._reasons = WaitReasons(
            self._room,
            self._lines,
            self._places,
            self._dependencies,
            self._times,
            self.settings,
        )

    # Changes of tasks.

    def add(
        self,
        task_id: int,
        terms: Terms = PLAIN,
        *,
        ended: Mapping[int, TaskStatus] | None = None,
        due: float | None = None,
        place: Place | None = None,
    ) -> int | None:
        """Add a waiting task.

        Args:
            task_id: A task that neither waits nor runs.
            terms: Its terms.
            ended: The final statuses of its dependencies that have ended.
            due: The earliest time of its start, on the clock of `due`.
            place: Its place in the order, from `place`; by default the last.

        Returns:
            The id of an ended task because of which it can never start; it is then not
            added. None otherwise.
        """
        self._places.see(task_id)
        if terms is PLAIN and place is None and due is None:  # the usual case
            self._terms[task_id] = terms
            self._lines.offer((0, task_id, 0, task_id), _PLAIN_KEY)
            return None
        never = self._dependencies.add(task_id, terms, ended or {})
        if never is not None:
            return never
        self._terms[task_id] = terms
        if place is not None:
            self._places.remember(task_id, place)
        if due is not None:
            self._times.set(task_id, due)
        self._offer(task_id)
        return None

    def begin_with(
        self,
        waiting: Mapping[int, Terms],
        dependent: Mapping[int, Terms],
        ended: Mapping[int, TaskStatus],
        *,
        dues: Mapping[int, float] | None = None,
        places: Mapping[int, Place] | None = None,
    ) -> list[tuple[int, int]]:
        """Add many waiting tasks to an empty scheduler; see `add`.

        Args:
            waiting: The terms of the tasks by id, in order.
            dependent: The tasks among them that have dependencies.
            ended: The final statuses of their dependencies that have ended.
            dues: The earliest start times of the tasks that have one.
            places: The places of the tasks that were moved.

        Returns:
            Each task that can never start, with the ended task that is the cause.
        """
        # With few calls, and one `heapify` per line: a queue may be long.
        dues, places = dues or {}, places or {}
        self._terms |= waiting
        self._places.see(max(waiting, default=0))
        for task_id, due in dues.items():
            self._times.set(task_id, due)
        for task_id, place in places.items():
            self._places.remember(task_id, place)
        unmet = self._dependencies.unmet
        never: list[tuple[int, int]] = []
        for task_id, terms in dependent.items():
            if (other := self._dependencies.add(task_id, terms, ended)) is not None:
                never.append((task_id, other))
                self.remove(task_id)
        lines: dict[Key, list[Rank]] = {}
        # The tasks that need only a slot, by group and priority.
        simple: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        plain = simple[PLAIN.group, PLAIN.priority]
        rank: Rank
        for task_id, terms in self._terms.items():
            if terms is PLAIN:
                if task_id not in dues:
                    plain.append(task_id)
                continue
            if task_id in unmet or terms.held or task_id in dues:
                continue
            if terms.immediate:
                self._immediate[task_id] = None
            if not (terms.needs or terms.engine):
                simple[terms.group, terms.priority].append(task_id)
                continue
            if task_id in places:
                rank = self._rank(task_id)
            else:
                rank = (-terms.priority, task_id, 0, task_id)
            # Inlined `_key`.
            key = (terms.group, () if terms.engine else terms.needs, terms.engine)
            alone = [rank]
            if (line := lines.setdefault(key, alone)) is not alone:
                line.append(rank)
        for (group, priority), ids in simple.items():
            before = -priority
            ranks: list[Rank] = [
                self._rank(it) if it in places else (before, it, 0, it) for it in ids
            ]
            if ranks:
                lines.setdefault((group, (), ""), []).extend(ranks)
        self._lines.begin_with(lines)
        return never

    def remove(self, task_id: int) -> None:
        """Remove a canceled task; does nothing if it doesn't wait."""
        terms = self._terms.pop(task_id, None)
        if terms is None:
            return
        self._places.drop(task_id)
        self._times.drop(task_id)
        self._immediate.pop(task_id, None)
        self._dependencies.drop(task_id)
        self._lines.left(task_id, _key(terms))

    def change(self, task_id: int, terms: Terms) -> None:
        """Change the terms of a waiting task, except its dependencies.

        Raises:
            KeyError: If it doesn't wait.
        """
        old = self._terms[task_id]
        self._terms[task_id] = msgspec.structs.replace(
            terms,
            after=old.after,
            after_failed=old.after_failed,
            after_any=old.after_any,
        )
        self._lines.left(task_id, _key(old))
        self._offer(task_id)

    def set_due(self, task_id: int, due: float | None) -> None:
        """Set the earliest start time of a waiting task; None for now."""
        self._times.drop(task_id)
        if due is not None:
            self._times.set(task_id, due)
            self._lines.left(task_id, _key(self._terms[task_id]))
        self._offer(task_id)

    def move_first(self, task_id: int) -> None:
        """Move a waiting task before all others of its priority."""
        self._move(task_id, self._places.first())

    def move_last(self, task_id: int) -> None:
        """Move a waiting task after all others of its priority."""
        self._move(task_id, self._places.last())

    def move_before(self, task_id: int, other: int) -> tuple[int, ...]:
        """Move a waiting task right before another one; it gets the other's priority.

        Returns:
            The other tasks whose places were replaced, without a change of order,
            because a place had become too long.
        """
        priority = self._terms[other].priority
        terms = self._terms[task_id]
        if terms.priority != priority:
            self._terms[task_id] = msgspec.structs.replace(terms, priority=priority)
            self._lines.left(task_id, _key(terms))
        place = self._places.before(other)
        self._move(task_id, place)
        if len(place) <= LONGEST_PLACE:
            return ()
        shortened = self._places.shortened(place[0])
        for it, shorter in shortened:
            if shorter is not None:
                self._move(it, shorter)
        return tuple(it for it, _ in shortened if it != task_id)

    def place(self, task_id: int) -> Place:
        """Return the place of a waiting task, for `add`."""
        return self._places.of(task_id)

    def terms(self, task_id: int) -> Terms:
        """Return the terms of a waiting task."""
        return self._terms[task_id]

    def resume_running(
        self, task_id: int, terms: Terms = PLAIN, slot: int | None = None
    ) -> None:
        """Record a task that runs already, such as an adopted one."""
        self._running[task_id] = (terms, self._room.take(terms, slot))
        if self._room.group(terms.group).is_full:
            self._lines.drop_holds(terms.group)

    def again(self, task_id: int, due: float | None = None) -> None:
        """Make a running task wait again, without its earlier conditions."""
        terms = self._stop_running(task_id)
        self._terms[task_id] = terms
        if due is not None:
            self._times.set(task_id, due)
        self._offer(task_id)

    def slot(self, task_id: int) -> int:
        """Return the number of a running task's slot in its group, from 0."""
        return self._running[task_id][1]

    def ended(self, task_id: int, status: TaskStatus) -> tuple[int, ...]:
        """Record the end of a task, whether it ran or waited.

        Returns:
            The waiting tasks that now can never start. The caller ends them, and calls
            this method for each.
        """
        self.remove(task_id)
        if task_id in self._running:
            self._stop_running(task_id)
        never, met = self._dependencies.ended(task_id, status)
        for dependent in met:
            self._offer(dependent)
        return tuple(never)

    def take_released(self) -> list[int]:
        """Return the tasks whose dependencies are now met; each is returned once."""
        return self._dependencies.take_released()

    # What may start.

    def due(self, now: float) -> tuple[int, ...]:
        """Make the tasks whose time has come wait only for room; return them."""
        come = self._times.take_due(now)
        for task_id in come:
            self._offer(task_id)
        return tuple(come)

    def next_due(self) -> float | None:
        """Return when the next waiting task is due; None if none has a time."""
        return self._times.next()

    def timed(self) -> list[int]:
        """Return the ids of the waiting tasks whose start time has not come."""
        return [*self._times.by_id]

    def offers(self, engine: str = "") -> bool:
        """Return whether `take` may return a task; false only if it can't."""
        return not self.settings.paused and self._lines.has_first(engine)

    def take(self, engine: str = "") -> int | None:
        """Start the next task: take its slot and resources; None if none may start."""
        task_id = None if self.settings.paused else self._lines.take(engine)
        return None if task_id is None else self._take(task_id)

    @property
    def has_immediate(self) -> bool:
        """Whether a task waits that may start without room."""
        return bool(self._immediate)

    def take_immediate(self) -> int | None:
        """Start a task that may start without room; None if there is none."""
        for task_id in self._immediate:
            return self._take(task_id)
        return None

    def waits_for(self, task_id: int) -> str | None:
        """Describe what a waiting task waits for; None if only for its turn."""
        terms = self._terms.get(task_id)
        return None if terms is None else self._reasons.of(task_id, terms)

    def never_enough(self, needs: Needs) -> str | None:
        """Name a resource whose total amount is too small; None if all suffice."""
        return self._room.never_enough(needs)

    def is_waiting(self, task_id: int) -> bool:
        """Return whether a task waits."""
        return task_id in self._terms

    def waiting(self) -> list[int]:
        """Return the ids of the waiting tasks, in no particular order."""
        return [*self._terms]

    def order(self) -> list[int]:
        """Return the waiting tasks by priority and place."""
        return sorted(self._terms, key=self._rank)

    # Inside.

    def _take(self, task_id: int) -> int:
        terms = self._terms.pop(task_id)
        self._places.drop(task_id)
        self._times.drop(task_id)
        self._immediate.pop(task_id, None)
        self.resume_running(task_id, terms)
        self._lines.left(task_id, _key(terms))
        return task_id

    def _stop_running(self, task_id: int) -> Terms:
        terms, slot = self._running.pop(task_id)
        self._room.give_back(terms, slot)
        self._lines.wake(group_key(terms.group))
        for name, _ in terms.local_needs:
            self._lines.wake(resource_key(name))
        return terms

    def _move(self, task_id: int, place: Place) -> None:
        self._places.put(task_id, place)
        self._lines.left(task_id, _key(self._terms[task_id]))
        self._offer(task_id)

    def _is_ready(self, task_id: int, terms: Terms) -> bool:
        """Return whether a waiting task waits only for room."""
        return (
            not terms.held
            and task_id not in self._times.by_id
            and task_id not in self._dependencies.unmet
        )

    def _rank(self, task_id: int) -> Rank:
        return self._places.rank(task_id, self._terms[task_id].priority)

    def _standing(self, task_id: int) -> tuple[Rank, Key] | None:
        """Return the rank and the line of a task, if it waits only for room."""
        terms = self._terms.get(task_id)
        if terms is None or not self._is_ready(task_id, terms):
            return None
        return self._places.rank(task_id, terms.priority), _key(terms)

    def _offer(self, task_id: int) -> None:
        """Put a task into its line, if it waits only for room."""
        terms = self._terms[task_id]
        if not self._is_ready(task_id, terms):
            self._immediate.pop(task_id, None)
            return
        if terms.immediate:
            self._immediate[task_id] = None
        self._lines.offer(self._rank(task_id), _key(terms))


def _key(terms: Terms) -> Key:
    """Return the key of a task's line."""
    # Inlined `local_needs`, since this is called for many tasks.
    return (terms.group, () if terms.engine else terms.needs, terms.engine)


_PLAIN_KEY: Final = _key(PLAIN)
