"""Lines of tasks that wait for room, and which of them starts next.

Tasks of the same group with the same needs share a line, and only the first tasks of
the lines are compared. If the first task of a line can't start, the line is parked
under the slot or resource that it lacks. When that becomes free, the first line parked
there is checked again, and the next one only if something is left.

A task that waits for a resource reserves everything it needs, and a slot of its group
if the group has a limit, so later tasks can't take these. This prevents small tasks
from starving a big one. A task reserves nothing while its group is paused or full, or
if it needs more than the total.
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
"""The sort key of a task; the lowest is the first. Its last item is the id."""

Key = tuple[str, Needs, str]
"""The group, the needs and the engine of the tasks of a line."""

_Entry = tuple[Rank, Key]

_NEVER: Final = "more than there is"
_NOTHING: Final[frozenset[str]] = frozenset()


class _Line:
    """Waiting tasks with the same key, in order.

    `listed` is the rank of its valid entry in the list of first tasks; other entries
    there are stale. While the line is parked, `parked` is the rank of its first task,
    `lack` is what that task waits for, and `holds` what it reserves. After unparking,
    `owed` is what other lines may wait for because of this one: they are woken unless
    it is parked for the same reason again.
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
        """The resources that its tasks need, and their amounts."""
        # Created lazily: of many lines only a few are checked.
        if self._needs is None:
            self._needs = tuple(
                (resource_key(name), units(amount)) for name, amount in self.key[1]
            )
        return self._needs


class WaitingLines:
    """The tasks that wait only for room.

    An entry whose task has left, or has another rank or key, is detected as stale when
    it becomes the first.

    Args:
        room: The total and the free slots and resources.
        tasks: All waiting tasks; only their number is used.
        current: Returns the current rank and key of a task; None if it doesn't wait
            only for room.
    """

    def __init__(
        self, room: Room, tasks: Sized, current: Callable[[int], _Entry | None]
    ) -> None:
        self._room = room
        self._tasks = tasks
        self._current = current
        self._lines: dict[Key, _Line] = {}
        # Heaps of lines that were not checked yet; all are listed. A `_Line` is created
        # on the first check, since there may be as many lines as tasks.
        self._begun: dict[Key, list[Rank]] = {}
        # Heaps of the first tasks of lines that are not parked, by engine; may contain
        # stale entries.
        self._first: dict[str, list[_Entry]] = {}
        # Heaps of parked lines, by what they lack and by what they hold.
        self._parked: dict[str, list[_Entry]] = {}
        self._holders: dict[str, list[_Entry]] = {}
        # The lines that hold something, by group.
        self._holding: dict[str, dict[Key, None]] = {}

    def begin_with(self, lines: dict[Key, list[Rank]]) -> None:
        """Add many tasks to an empty object."""
        # With one `heapify` instead of many pushes: a queue may be long.
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
        """Check a line again if it is parked because of a task that has left it."""
        line = self._lines.get(key)
        if line is None or not line.lack or line.parked is None:
            return
        if line.parked[-1] == task_id:
            self._unpark(line)

    def has_first(self, engine: str) -> bool:
        """Return whether there may be a task of an engine to take."""
        return bool(self._first.get(engine))

    def take(self, engine: str) -> int | None:
        """Remove the first task of an engine for which there is room.

        Returns:
            Its id; None if there is none.
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
            # This wakes the lines that wait because of this one.
            self._relist(line)
            return rank[-1]
        return None

    def wake(self, key: str) -> None:
        """Check the first line again that waits for something that is now free."""
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
        """Release what the lines of a group hold, and check them again."""
        for key in [*self._holding.get(group, ())]:
            self._unpark(self._lines[key])

    def holder(self, key: str, rank: Rank) -> Rank | None:
        """Return the rank of an earlier task that holds something; None if none."""
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
        """Return whether a task is still in a line with this rank."""
        return self._current(rank[-1]) == (rank, line.key)

    def _head(self, line: _Line) -> Rank | None:
        """Return the first rank of a line after removing stale ones."""
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
            # The new first task may come after tasks that the old one kept waiting.
            self._wake_owed(line)
        if head is not None:
            self._list(line, head)
        else:
            del self._lines[line.key]

    def _lack(self, line: _Line, rank: Rank) -> tuple[str, bool] | None:
        """Determine what a task lacks to start.

        Returns:
            The lacking slot or resource, and whether the task holds what it needs while
            it waits; None if it lacks nothing.
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
                # Later tasks of the group now wait for the reserved slot.
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
        """Check a line again, and the lines that it has kept waiting."""
        if line.lack:
            if line.holds:
                del self._holding[line.key[0]][line.key]
                line.owed = line.owed.union(line.holds)
            line.holds = ()
            line.lack = ""
        self._relist(line)

    def _wake_owed(self, line: _Line) -> None:
        """Wake the lines that waited because of a line, if it leaves them something."""
        owed, line.owed = line.owed, _NOTHING
        for key in owed:
            if key != line.lack and not (key in line.holds and self._binds(key, line)):
                self.wake(key)

    def _binds(self, key: str, line: _Line) -> bool:
        """Return whether other lines must wait for what a line holds."""
        group = line.key[0]
        return key != group_key(group) or self._room.group(group).slots != UNLIMITED
