"""Lines of tasks that wait for room, and which task is the next.

Tasks that want the same group and the same resources share a line; only the first of
each line is compared with the others. A line whose first task can't start is parked
with what it lacks. When some of that is free, the first line that waits for it is
looked at again, and the next one only if that leaves something.

A task that waits for a resource holds all it needs, and a slot of its group if that has
a number of them: no task after it in the order takes any of that. So small tasks can't
keep a big one waiting for ever. It holds nothing while its group is paused or has no
slot for it, or if it needs more than there is.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from .resources import units
from .room import UNLIMITED, Room, group_key, resource_key
from .terms import Needs
from .tidy import tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

Rank = tuple[int, ...]
"""Where a task stands among all; the lowest is the first. Ends with its id."""

Key = tuple[str, Needs, str]
"""What the tasks of a line want: the group, the resources, and the engine."""

_Entry = tuple[Rank, Key]

_NEVER: Final = "more than there is"
_NOTHING: Final[frozenset[str]] = frozenset()


class _Line:
    """Waiting tasks that want the same, in their order.

    `listed` is the rank with which it stands in the list of first ones; any other
    entry there is out of date. While it is parked, `parked` is the rank of its first
    task and `lack` what that waits for. `holds` is what nobody may take who comes after
    it. When it is no longer parked, `owed` is what others may wait for because of it:
    they are woken unless it turns out that it lacks the same as before.
    """

    __slots__ = ("_needs", "heap", "holds", "key", "lack", "listed", "owed", "parked")

    def __init__(self, key: Key) -> None:
        self.key = key
        self._needs: tuple[tuple[str, int], ...] | None = None
        self.heap: list[Rank] = []
        self.listed: Rank | None = None
        self.parked: Rank | None = None
        self.lack = ""
        self.holds: tuple[str, ...] = ()
        self.owed: frozenset[str] = _NOTHING

    @property
    def needs(self) -> tuple[tuple[str, int], ...]:
        """The resources that its tasks need, and how much."""
        # Made when they are asked for: of many lines few are looked at.
        if self._needs is None:
            self._needs = tuple(
                (resource_key(name), units(amount)) for name, amount in self.key[1]
            )
        return self._needs


class WaitingLines:
    """Tasks that wait for nothing but room.

    A task that has left, or that has another rank or key by now, is found out of date
    when it comes to the front.

    Args:
        room: What there is, and what is free.
        tasks: All waiting tasks, for how many they are.
        current: Returns the rank and the key of a task as they are now; `None` if it
            waits for something else, or no longer.
    """

    def __init__(
        self, room: Room, tasks: Sized, current: Callable[[int], _Entry | None]
    ) -> None:
        self._room = room
        self._tasks = tasks
        self._current = current
        self._lines: dict[Key, _Line] = {}
        # Lines that nobody has looked at yet, and their tasks in order; each is listed.
        # No line is made of them before: there may be one for each of many tasks.
        self._begun: dict[Key, list[Rank]] = {}
        # The first of each line that is not parked; may hold some that no longer are.
        # By the engine on which its tasks run.
        self._first: dict[str, list[_Entry]] = {}
        # By what they lack, and those that hold it.
        self._parked: dict[str, list[_Entry]] = {}
        self._holders: dict[str, list[_Entry]] = {}
        # By their groups: the lines that hold something.
        self._holding: dict[str, dict[Key, None]] = {}

    def begin_with(self, lines: dict[Key, list[Rank]]) -> None:
        """Put many tasks into their lines; there is none yet."""
        # One heap is made of all, in place of a change for each: a queue may be long.
        self._begun = lines
        for key, ranks in lines.items():
            if len(ranks) > 1:
                heapq.heapify(ranks)
            self._first.setdefault(key[-1], []).append((ranks[0], key))
        for listed in self._first.values():
            heapq.heapify(listed)

    def offer(self, rank: Rank, key: Key) -> None:
        """Put a task into a line."""
        line = self._line(key)
        heapq.heappush(line.heap, rank)
        tidy(line.heap, len(self._tasks), lambda it: self._stands(it, line))
        if line.heap[0] is rank:
            self._unpark(line)

    def left(self, task_id: int, key: Key) -> None:
        """Look again at a line that is parked because of a task that has left it."""
        line = self._lines.get(key)
        if line is None or not line.lack or line.parked is None:
            return
        if line.parked[-1] == task_id:
            self._unpark(line)

    def has_first(self, engine: str) -> bool:
        """Tell whether a task of an engine may be the first of a line."""
        return bool(self._first.get(engine))

    def take(self, engine: str) -> int | None:
        """Take the first task of an engine for which there is room out of its line.

        Returns:
            Its id; `None` if there is none.
        """
        listed = self._first.get(engine)
        while listed:
            rank, key = listed[0]
            line = self._find(key)
            if line is None or line.listed != rank:
                heapq.heappop(listed)
                continue
            if self._head(line) != rank:
                self._relist(line)
                continue
            heapq.heappop(listed)
            line.listed = None
            if (lack := self._lack(line, rank)) is not None:
                self._park(line, rank, lack)
                continue
            heapq.heappop(line.heap)
            # This wakes those that wait because of it.
            self._relist(line)
            return rank[-1]
        return None

    def wake(self, key: str) -> None:
        """Look again at the first line that waits for something, as it is free now."""
        heap = self._parked.get(key)
        while heap:
            entry = heapq.heappop(heap)
            line = self._lines.get(entry[1])
            if line is not None and line.lack == key and self._is_parked(entry):
                line.owed |= {key}
                self._unpark(line)
                break
        if not heap:
            self._parked.pop(key, None)

    def drop_holds(self, group: str) -> None:
        """Let the lines of a group hold nothing, and look at them again."""
        for key in [*self._holding.get(group, ())]:
            self._unpark(self._lines[key])

    def holder(self, key: str, rank: Rank) -> Rank | None:
        """Return who holds something and comes before a task; `None` if nobody does."""
        heap = self._holders.get(key)
        while heap:
            first, line_key = heap[0]
            if self._is_parked(heap[0]) and key in self._lines[line_key].holds:
                return first if first < rank else None
            heapq.heappop(heap)
        self._holders.pop(key, None)
        return None

    def _find(self, key: Key) -> _Line | None:
        line = self._lines.get(key)
        if line is None and (ranks := self._begun.pop(key, None)) is not None:
            line = self._lines[key] = _Line(key)
            line.heap = ranks
            line.listed = ranks[0]
        return line

    def _line(self, key: Key) -> _Line:
        line = self._lines.get(key) or self._find(key)
        if line is None:
            line = self._lines[key] = _Line(key)
        return line

    def _stands(self, rank: Rank, line: _Line) -> bool:
        """Tell whether a task still stands in a line with this rank."""
        return self._current(rank[-1]) == (rank, line.key)

    def _head(self, line: _Line) -> Rank | None:
        """Return the first of a line, without those that have moved or gone."""
        while line.heap:
            if self._stands(line.heap[0], line):
                return line.heap[0]
            heapq.heappop(line.heap)
        return None

    def _list(self, line: _Line, head: Rank) -> None:
        if line.listed != head:
            line.listed = head
            listed = self._first.setdefault(line.key[-1], [])
            heapq.heappush(listed, (head, line.key))
            tidy(listed, len(self._tasks), self._is_listed)

    def _is_listed(self, entry: _Entry) -> bool:
        rank, key = entry
        if (ranks := self._begun.get(key)) is not None:
            return ranks[0] == rank
        line = self._lines.get(key)
        return line is not None and line.listed == rank

    def _relist(self, line: _Line) -> None:
        head = self._head(line)
        if line.owed and head != line.parked:
            # Another one is the first now: it may be far behind those that it kept.
            self._wake_owed(line)
        if head is not None:
            self._list(line, head)
        else:
            del self._lines[line.key]

    def _lack(self, line: _Line, rank: Rank) -> tuple[str, bool] | None:
        """Name what is missing for a task to start; `None` if nothing is.

        Returns:
            That, and whether it holds what it needs as long as it waits.
        """
        group = self._room.group(line.key[0])
        key = group_key(line.key[0])
        if group.paused or group.is_full:
            return key, False
        if group.slots != UNLIMITED and self.holder(key, rank):
            return key, False
        for name, amount in line.needs:
            if amount > self._room.free(name) or self.holder(name, rank):
                return (name, True) if self._suffices(line) else (_NEVER, False)
        return None

    def _suffices(self, line: _Line) -> bool:
        return all(amount <= self._room.capacity(name) for name, amount in line.needs)

    def _park(self, line: _Line, rank: Rank, lack: tuple[str, bool]) -> None:
        line.listed = None
        line.parked = rank
        line.lack, holds = lack
        entry = (rank, line.key)
        self._push(self._parked, line.lack, entry)
        if holds:
            group = line.key[0]
            line.holds = (group_key(group), *(name for name, _ in line.needs))
            for key in line.holds:
                self._push(self._holders, key, entry)
            if self._room.group(group).slots != UNLIMITED:
                # One that comes later waits for its slot from now on.
                self.drop_holds(group)
            self._holding.setdefault(group, {})[line.key] = None
        self._wake_owed(line)

    def _push(self, heaps: dict[str, list[_Entry]], key: str, entry: _Entry) -> None:
        heap = heaps.setdefault(key, [])
        heapq.heappush(heap, entry)
        tidy(heap, len(self._tasks), self._is_parked)

    def _is_parked(self, entry: _Entry) -> bool:
        rank, key = entry
        line = self._lines.get(key)
        return line is not None and bool(line.lack) and line.parked == rank

    def _unpark(self, line: _Line) -> None:
        """Look again at a line, and at those that it has kept from starting."""
        if line.lack:
            if line.holds:
                del self._holding[line.key[0]][line.key]
                line.owed = line.owed.union(line.holds)
            line.holds = ()
            line.lack = ""
        self._relist(line)

    def _wake_owed(self, line: _Line) -> None:
        """Look at those that waited because of a line, if it leaves them something."""
        owed, line.owed = line.owed, _NOTHING
        for key in owed:
            if key != line.lack and not (key in line.holds and self._binds(key, line)):
                self.wake(key)

    def _binds(self, key: str, line: _Line) -> bool:
        """Tell whether others have to wait for what a line holds."""
        group = line.key[0]
        return key != group_key(group) or self._room.group(group).slots != UNLIMITED
