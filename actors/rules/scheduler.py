"""Which waiting task may start next.

A plain class that holds ids and numbers only, so that it can be rebuilt from the tasks.
Every change costs O(log n). Tasks that want the same group and the same resources share
a line; only the first of each line is compared with the others. A line whose first task
can't start is parked with what it lacks. When some of that is free, the first line that
waits for it is looked at again, and the next one only if that leaves something.

A task that waits for a resource holds all it needs, and a slot of its group if that has
a number of them: no task after it in the order takes any of that. So small tasks can't
keep a big one waiting for ever. It holds nothing while its group is paused or has no
slot for it, or if it needs more than there is.
"""

from __future__ import annotations

import heapq
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from .resources import SMALLEST, amount_text, units
from .safe_text import brief
from .status import TaskStatus
from .terms import DEFAULT_GROUP, PLAIN, GroupRules, Needs, QueueRules, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PAUSED: Final = "everything is paused"
"""The reason of a task that waits because nothing starts."""

UNLIMITED: Final = 0
"""As a number of slots: as many as there are tasks."""

Place = tuple[int, ...]
"""Where a task stands among those of its priority: the lowest is the first.

By default `(id, 0)`. A task that is put before another one has that one's place with a
negative number before the last: behind all that stood before it.
"""

LONGEST_PLACE: Final = 16
"""Numbers in a place; if one would have more, those around it are written anew."""

_BEFORE: Final = -(1 << 52)

_Rank = tuple[int, ...]
_Key = tuple[str, Needs]
_Time = tuple[float, int]
_Entry = tuple[_Rank, _Key]
ItemT = TypeVar("ItemT", _Time, _Rank, _Entry)


def group_paused(group: str) -> str:
    """Return the reason of a task that waits because nothing of its group starts."""
    return f"group {group} is paused"


class _Group:
    """How many tasks of a group may run, and how many do.

    `free` has the numbers of slots that were used and are free again.
    """

    __slots__ = ("free", "holders", "paused", "running", "slots", "used")

    def __init__(self) -> None:
        self.slots = UNLIMITED
        self.running = 0
        self.paused = False
        self.free: list[int] = []
        self.used = 0
        self.holders: dict[_Key, None] = {}

    @property
    def is_full(self) -> bool:
        return self.slots != UNLIMITED and self.running >= self.slots

    def take(self, wanted: int | None = None) -> int:
        """Take a slot; return its number, by default the lowest that is free."""
        self.running += 1
        if wanted is not None and wanted <= _MOST_SLOTS:
            self.free += range(self.used, wanted + 1)
            self.used = max(self.used, wanted + 1)
            if wanted in self.free:
                self.free.remove(wanted)
                heapq.heapify(self.free)
                return wanted
        if self.free:
            return heapq.heappop(self.free)
        self.used += 1
        return self.used - 1

    def give_back(self, number: int) -> None:
        self.running -= 1
        heapq.heappush(self.free, number)


class _Line:
    """Waiting tasks that want the same, in their order.

    `listed` is the rank with which it stands in the list of first ones; any other
    entry there is out of date. While it is parked, `parked` is the rank of its first
    task and `lack` what that waits for. `holds` is what nobody may take who comes after
    it. When it is no longer parked, `owed` is what others may wait for because of it:
    they are woken unless it turns out that it lacks the same as before.
    """

    __slots__ = ("heap", "holds", "key", "lack", "listed", "needs", "owed", "parked")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.needs = tuple(
            (_resource_key(name), units(amount)) for name, amount in key[1]
        )
        self.heap: list[_Rank] = []
        self.listed: _Rank | None = None
        self.parked: _Rank | None = None
        self.lack = ""
        self.holds: tuple[str, ...] = ()
        self.owed: set[str] = set()


class Scheduler:
    """The order of waiting tasks, and what each waits for.

    Not safe on several threads.

    Args:
        resources: The named resources and how much there is of each.
    """

    def __init__(self, resources: Mapping[str, float] | None = None) -> None:
        self._paused = False
        self._groups: dict[str, _Group] = {}
        self._capacity = {
            _resource_key(name): units(amount)
            for name, amount in (resources or {}).items()
        }
        self._used = dict.fromkeys(self._capacity, 0)
        self._terms: dict[int, Terms] = {}
        self._places: dict[int, Place] = {}  # of those that were moved
        self._times: dict[int, float] = {}
        self._running: dict[int, tuple[Terms, int]] = {}
        self._unmet: dict[int, dict[int, tuple[TaskStatus, ...]]] = {}
        self._dependents: dict[int, dict[int, None]] = {}
        self._immediate: dict[int, None] = {}
        self._lines: dict[_Key, _Line] = {}
        # The first of each line that is not parked; may hold some that no longer are.
        self._first: list[_Entry] = []
        # By what they lack, and those that hold it.
        self._parked: dict[str, list[_Entry]] = {}
        self._holders: dict[str, list[_Entry]] = {}
        self._due: list[_Time] = []
        self._released: list[int] = []
        self._newest = 0
        self._firsts = itertools.count(-1, -1)
        self._lasts = itertools.count(1)
        self._befores = itertools.count(_BEFORE)

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
        """Let a task wait.

        Args:
            task_id: A task that neither waits nor runs.
            terms: On which terms it may start.
            ended: The tasks among those it depends on that have ended, and how.
            due: The earliest time at which it may start, on the clock of `due`.
            place: Its place in the order, of `place`; by default the last.

        Returns:
            The id of an ended task because of which it can never start; it is not
            added then. `None` otherwise.
        """
        unmet = {} if terms is PLAIN else _conditions(terms)
        for other, accepted in [*unmet.items()]:
            status = (ended or {}).get(other)
            if status in accepted:
                del unmet[other]
            elif status is not None or not accepted:
                return other
        self._terms[task_id] = terms
        self._newest = max(self._newest, task_id)
        if place is not None:
            self._places[task_id] = place
            self._count_place(place)
        if unmet:
            self._unmet[task_id] = unmet
            for other in unmet:
                self._dependents.setdefault(other, {})[task_id] = None
        if due is not None:
            self._note_time(task_id, due)
        self._offer(task_id)
        return None

    def add_plain(self, ids: Iterable[int]) -> None:
        """Let many tasks wait that ask for nothing, by id, before all others."""
        # A sorted list is a heap. Without a call for each: a queue may be long.
        self._terms = {**dict.fromkeys(ids, PLAIN), **self._terms}
        self._newest = max(self._terms, default=0)
        line = self._line((DEFAULT_GROUP, ()))
        line.heap = [(0, task_id, 0, task_id) for task_id in self._terms]
        self._relist(line)

    def remove(self, task_id: int) -> None:
        """Let a waiting task wait no more: it was canceled. Does nothing otherwise."""
        terms = self._terms.pop(task_id, None)
        if terms is None:
            return
        self._places.pop(task_id, None)
        self._times.pop(task_id, None)
        self._immediate.pop(task_id, None)
        for other in self._unmet.pop(task_id, ()):
            self._dependents[other].pop(task_id, None)
        self._left_line(task_id, terms)

    def change(self, task_id: int, terms: Terms) -> None:
        """Give a waiting task other terms; its conditions on others stay as they are.

        Raises:
            KeyError: If it does not wait.
        """
        old = self._terms[task_id]
        self._terms[task_id] = msgspec.structs.replace(
            terms,
            after=old.after,
            after_failed=old.after_failed,
            after_any=old.after_any,
        )
        self._left_line(task_id, old)
        self._offer(task_id)

    def set_due(self, task_id: int, due: float | None) -> None:
        """Set the earliest time at which a waiting task may start; `None` for now."""
        self._times.pop(task_id, None)
        if due is not None:
            self._note_time(task_id, due)
            self._left_line(task_id, self._terms[task_id])
        self._offer(task_id)

    def move_first(self, task_id: int) -> None:
        """Put a waiting task before all others of its priority."""
        self._move(task_id, (next(self._firsts), 0))

    def move_last(self, task_id: int) -> None:
        """Put a waiting task behind all others of its priority."""
        self._move(task_id, (self._newest, next(self._lasts), 0))

    def move_before(self, task_id: int, other: int) -> tuple[int, ...]:
        """Put a waiting task right before another one, with its priority.

        Returns:
            The other tasks whose places were written anew, in the same order, because
            one of them had become too long.
        """
        *front, _ = self.place(other)
        priority = self._terms[other].priority
        terms = self._terms[task_id]
        if terms.priority != priority:
            self._terms[task_id] = msgspec.structs.replace(terms, priority=priority)
            self._left_line(task_id, terms)
        self._move(task_id, (*front, next(self._befores), 0))
        if len(self._places[task_id]) <= LONGEST_PLACE:
            return ()
        return tuple(it for it in self._shorten(front[0]) if it != task_id)

    def place(self, task_id: int) -> Place:
        """Return the place of a waiting task, to be remembered for `add`."""
        return self._places.get(task_id, (task_id, 0))

    def terms(self, task_id: int) -> Terms:
        """Return the terms of a waiting task."""
        return self._terms[task_id]

    def resume_running(
        self, task_id: int, terms: Terms = PLAIN, slot: int | None = None
    ) -> None:
        """Note a task that runs already, such as one of an earlier life.

        Args:
            task_id: Which.
            terms: On which terms.
            slot: The slot of its group that it has; by default the lowest that is free.
        """
        group = self._group(terms.group)
        self._running[task_id] = (terms, group.take(slot))
        for name, amount in terms.needs:
            key = _resource_key(name)
            self._used[key] = self._used.get(key, 0) + units(amount)
        if group.is_full and group.holders:
            self._drop_holds(group)

    def again(self, task_id: int, due: float | None = None) -> None:
        """Let a running task wait once more; what it waited for before is met.

        Args:
            task_id: Which.
            due: The earliest time at which it may start, on the clock of `due`.

        Raises:
            KeyError: If it does not run.
        """
        terms = self._stop_running(task_id)
        self._terms[task_id] = terms
        if due is not None:
            self._note_time(task_id, due)
        self._offer(task_id)

    def slot(self, task_id: int) -> int:
        """Return which slot of its group a running task has, from 0.

        Raises:
            KeyError: If it does not run.
        """
        return self._running[task_id][1]

    def ended(self, task_id: int, status: TaskStatus) -> tuple[int, ...]:
        """Note the end of a task, whether it ran or waited.

        Args:
            task_id: Which.
            status: How it ended.

        Returns:
            The waiting tasks that can never start because of it. The caller ends them,
            and calls this for each.
        """
        self.remove(task_id)
        if task_id in self._running:
            self._stop_running(task_id)
        never: list[int] = []
        for dependent in self._dependents.pop(task_id, ()):
            unmet = self._unmet[dependent]
            if status not in unmet.pop(task_id):
                never.append(dependent)
            elif not unmet:
                del self._unmet[dependent]
                self._released.append(dependent)
                self._offer(dependent)
        return tuple(never)

    def take_released(self) -> list[int]:
        """Return the tasks that wait for no other task any more; once each."""
        released, self._released = self._released, []
        return released

    # Changes of what there is.

    def set_group(self, name: str, slots: int) -> None:
        """Set how many tasks of a group run at a time; `UNLIMITED` for no limit."""
        group = self._group(name)
        group.slots = slots
        if slots != UNLIMITED:
            self._drop_holds(group)
        self._wake(_group_key(name))

    def pause(self, group: str | None = None) -> None:
        """Start nothing of a group, or of all, until it is resumed."""
        if group is None:
            self._paused = True
        else:
            self._group(group).paused = True
            self._drop_holds(self._group(group))

    def resume(self, group: str | None = None) -> None:
        """Start tasks again."""
        if group is None:
            self._paused = False
        else:
            self._group(group).paused = False
            self._wake(_group_key(group))

    def is_paused(self, group: str) -> bool:
        """Tell whether no task of a group may start: all is paused, or the group."""
        return self._paused or self._group(group).paused

    @property
    def rules(self) -> QueueRules:
        """What is set for the whole queue."""
        return QueueRules(
            self._paused,
            tuple(
                GroupRules(name, it.slots, it.paused)
                for name, it in sorted(self._groups.items())
                if it.slots or it.paused
            ),
        )

    # What may start.

    def due(self, now: float) -> tuple[int, ...]:
        """Let the tasks whose time has come wait for nothing but room; return them."""
        come: list[int] = []
        while self._due and self._due[0][0] <= now:
            at, task_id = heapq.heappop(self._due)
            if self._times.get(task_id) == at:
                del self._times[task_id]
                self._offer(task_id)
                come.append(task_id)
        return tuple(come)

    def next_due(self) -> float | None:
        """Return when the next waiting task is due; `None` if none has a time."""
        while self._due:
            at, task_id = self._due[0]
            if self._times.get(task_id) == at:
                return at
            heapq.heappop(self._due)
        return None

    def timed(self) -> list[int]:
        """Return the ids of the waiting tasks whose time has not come."""
        return [*self._times]

    def take(self) -> int | None:
        """Take the task that starts next, and let it use its slot and resources.

        Returns:
            Its id; `None` if no waiting task may start.
        """
        while self._first and not self._paused:
            rank, key = self._first[0]
            line = self._lines.get(key)
            if line is None or line.listed != rank:
                heapq.heappop(self._first)
                continue
            if self._head(line) != rank:
                self._relist(line)
                continue
            heapq.heappop(self._first)
            line.listed = None
            if (lack := self._lack(line, rank)) is not None:
                self._park(line, rank, lack)
                continue
            heapq.heappop(line.heap)
            # This wakes those that wait because of it.
            self._relist(line)
            return self._take(rank[-1])
        return None

    def take_immediate(self) -> int | None:
        """Take a task that starts at once, even without room, and has nothing to await.

        Returns:
            Its id; `None` if there is none.
        """
        for task_id in self._immediate:
            return self._take(task_id)
        return None

    def take_at_once(self, task_id: int) -> None:
        """Take a waiting task, whatever it waits for.

        Raises:
            KeyError: If it does not wait.
        """
        for other in self._unmet.pop(task_id, ()):
            self._dependents[other].pop(task_id, None)
        self._take(task_id)

    def waits_for(self, task_id: int) -> str | None:
        """Say what a waiting task waits for, in a few words for people.

        Returns:
            `None` if it waits for nothing but its turn.
        """
        terms = self._terms.get(task_id)
        if terms is None:
            return None
        group = self._group(terms.group)
        if terms.held:
            return "held"
        if unmet := self._unmet.get(task_id):
            names = ", ".join(f"#{other}" for other in sorted(unmet)[:_NAMED])
            more = f" and {len(unmet) - _NAMED} more" if len(unmet) > _NAMED else ""
            return f"waiting for {names}{more}"
        if task_id in self._times:
            return f"starts at {local_time(self._times[task_id])}"
        if self._paused:
            return PAUSED
        if group.paused:
            return group_paused(terms.group)
        if group.is_full:
            return f"waiting for a slot of {terms.group} ({group.slots} busy)"
        return self._lacks(terms, group, self._rank(task_id))

    def _lacks(self, terms: Terms, group: _Group, rank: _Rank) -> str | None:
        if group.slots != UNLIMITED and (
            before := self._holder(_group_key(terms.group), rank)
        ):
            return f"waiting for a slot of {terms.group} after #{before[-1]}"
        for name, amount in terms.needs:
            key = _resource_key(name)
            total = self._capacity.get(key, 0)
            free = max(0, total - self._used.get(key, 0))
            what = f"needs {name}={amount_text(amount)}"
            if units(amount) > total:
                return f"{what}; there is only {_text(total)}"
            before = self._holder(key, rank)
            if before is not None or units(amount) > free:
                after = "" if before is None else f", after #{before[-1]}"
                return f"{what}; {_text(free)} of {_text(total)} free{after}"
        return None

    def never_enough(self, needs: Needs) -> str | None:
        """Say which resource is smaller than what is needed; `None` if all suffice."""
        for name, amount in needs:
            total = self._capacity.get(_resource_key(name))
            if total is None:
                names = sorted(it.partition(" ")[2] for it in self._capacity)
                known = ", ".join(names) or "none"
                return f"unknown resource {brief(name)}; the resources are: {known}"
            if units(amount) > total:
                what = f"{name}={amount_text(amount)}"
                return f"{what} is more than there is ({_text(total)})"
        return None

    def is_waiting(self, task_id: int) -> bool:
        """Tell whether a task waits."""
        return task_id in self._terms

    def waiting(self) -> list[int]:
        """Return the ids of the waiting tasks, in no certain order."""
        return [*self._terms]

    def order(self) -> list[int]:
        """Return the waiting tasks by priority and place."""
        return sorted(self._terms, key=self._rank)

    # Inside.

    def _take(self, task_id: int) -> int:
        terms = self._terms.pop(task_id)
        self._places.pop(task_id, None)
        self._times.pop(task_id, None)
        self._immediate.pop(task_id, None)
        self.resume_running(task_id, terms)
        self._left_line(task_id, terms)
        return task_id

    def _stop_running(self, task_id: int) -> Terms:
        terms, number = self._running.pop(task_id)
        self._group(terms.group).give_back(number)
        if terms.needs:
            for name, amount in terms.needs:
                self._used[_resource_key(name)] -= units(amount)
        if self._parked:
            self._wake(_group_key(terms.group))
            for name, _ in terms.needs:
                self._wake(_resource_key(name))
        return terms

    def _move(self, task_id: int, place: Place) -> None:
        self._places[task_id] = place
        self._left_line(task_id, self._terms[task_id])
        self._offer(task_id)

    def _shorten(self, anchor: int) -> list[int]:
        """Write anew the places of all that were moved to one point of the order."""
        moved = [it for it, place in self._places.items() if place[0] == anchor]
        moved.sort(key=self.place)
        for task_id in moved:
            *front, _ = self._places[task_id]
            if len(front) > 1:
                numbers = self._befores if front[1] < 0 else self._lasts
                self._move(task_id, (anchor, next(numbers), 0))
        return moved

    def _count_place(self, place: Place) -> None:
        """Let the places that are given from now on lie beyond a remembered one."""
        self._newest = max(self._newest, place[0])
        if place[0] < 0:
            self._firsts = _beyond(self._firsts, place[0], -1)
        for number in place[1:-1]:
            if number < 0:
                self._befores = _beyond(self._befores, number, 1)
            else:
                self._lasts = _beyond(self._lasts, number, 1)

    def _group(self, name: str) -> _Group:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group()
        return group

    def _line(self, key: _Key) -> _Line:
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key)
        return line

    def _is_ready(self, task_id: int, terms: Terms) -> bool:
        return (
            not terms.held and task_id not in self._times and task_id not in self._unmet
        )

    def _rank(self, task_id: int) -> _Rank:
        place = self._places.get(task_id)
        priority = -self._terms[task_id].priority
        if place is None:
            return (priority, task_id, 0, task_id)
        return (priority, *place, task_id)

    def _note_time(self, task_id: int, due: float) -> None:
        self._times[task_id] = due
        heapq.heappush(self._due, (due, task_id))
        self._tidy(self._due, lambda it: self._times.get(it[1]) == it[0])

    def _offer(self, task_id: int) -> None:
        """Put a task into its line, if it waits for nothing but room."""
        terms = self._terms[task_id]
        if not self._is_ready(task_id, terms):
            self._immediate.pop(task_id, None)
            return
        if terms.immediate:
            self._immediate[task_id] = None
        line = self._line((terms.group, terms.needs))
        rank = self._rank(task_id)
        heapq.heappush(line.heap, rank)
        self._tidy(line.heap, lambda it: self._stands(it, line))
        if line.heap[0] is rank:
            self._unpark(line)

    def _tidy(self, heap: list[ItemT], is_current: Callable[[ItemT], bool]) -> None:
        """Drop what is out of date, once that is most of it."""
        if len(heap) > _UNTIDY and len(heap) > 2 * len(self._terms):
            heap[:] = sorted(filter(is_current, heap))

    def _stands(self, rank: _Rank, line: _Line) -> bool:
        """Tell whether a task still stands in a line with this rank."""
        task_id = rank[-1]
        terms = self._terms.get(task_id)
        return (
            terms is not None
            and rank == self._rank(task_id)
            and (terms.group, terms.needs) == line.key
            and self._is_ready(task_id, terms)
        )

    def _head(self, line: _Line) -> _Rank | None:
        """Return the first of a line, without those that have moved or gone."""
        while line.heap:
            if self._stands(line.heap[0], line):
                return line.heap[0]
            heapq.heappop(line.heap)
        return None

    def _list(self, line: _Line, head: _Rank) -> None:
        if line.listed != head:
            line.listed = head
            heapq.heappush(self._first, (head, line.key))
            self._tidy(self._first, self._is_listed)

    def _is_listed(self, entry: tuple[_Rank, _Key]) -> bool:
        rank, key = entry
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

    def _left_line(self, task_id: int, terms: Terms) -> None:
        """Look again at a line that is parked because of a task that has left it."""
        line = self._lines.get((terms.group, terms.needs))
        if line is None or not line.lack or line.parked is None:
            return
        if line.parked[-1] == task_id:
            self._unpark(line)

    def _lack(self, line: _Line, rank: _Rank) -> tuple[str, bool] | None:
        """Name what is missing for a task to start; `None` if nothing is.

        Returns:
            That, and whether it holds what it needs as long as it waits.
        """
        group = self._group(line.key[0])
        key = _group_key(line.key[0])
        if group.paused or group.is_full:
            return key, False
        if group.slots != UNLIMITED and self._holder(key, rank):
            return key, False
        for name, amount in line.needs:
            free = self._capacity.get(name, 0) - self._used.get(name, 0)
            if amount > free or self._holder(name, rank):
                return (name, True) if self._suffices(line) else (_NEVER, False)
        return None

    def _suffices(self, line: _Line) -> bool:
        return all(amount <= self._capacity.get(name, 0) for name, amount in line.needs)

    def _park(self, line: _Line, rank: _Rank, lack: tuple[str, bool]) -> None:
        line.listed = None
        line.parked = rank
        line.lack, holds = lack
        entry = (rank, line.key)
        self._push(self._parked, line.lack, entry)
        if holds:
            group = self._group(line.key[0])
            line.holds = (
                _group_key(line.key[0]),
                *(name for name, _ in line.needs),
            )
            for key in line.holds:
                self._push(self._holders, key, entry)
            if group.slots != UNLIMITED:
                # One that comes later waits for its slot from now on.
                self._drop_holds(group)
            group.holders[line.key] = None
        self._wake_owed(line)

    def _push(self, heaps: dict[str, list[_Entry]], key: str, entry: _Entry) -> None:
        heap = heaps.setdefault(key, [])
        heapq.heappush(heap, entry)
        self._tidy(heap, self._is_parked)

    def _is_parked(self, entry: _Entry) -> bool:
        rank, key = entry
        line = self._lines.get(key)
        return line is not None and bool(line.lack) and line.parked == rank

    def _unpark(self, line: _Line) -> None:
        """Look again at a line, and at those that it has kept from starting."""
        if line.lack:
            if line.holds:
                del self._group(line.key[0]).holders[line.key]
                line.owed.update(line.holds)
            line.holds = ()
            line.lack = ""
        self._relist(line)

    def _wake(self, key: str) -> None:
        """Look again at the first line that waits for something."""
        heap = self._parked.get(key)
        while heap:
            entry = heapq.heappop(heap)
            line = self._lines.get(entry[1])
            if line is not None and line.lack == key and self._is_parked(entry):
                line.owed.add(key)
                self._unpark(line)
                break
        if not heap:
            self._parked.pop(key, None)

    def _wake_owed(self, line: _Line) -> None:
        """Look at those that waited because of a line, if it leaves them something."""
        owed, line.owed = line.owed, set()
        for key in owed:
            if key != line.lack and not (key in line.holds and self._binds(key, line)):
                self._wake(key)

    def _binds(self, key: str, line: _Line) -> bool:
        """Tell whether others have to wait for what a line holds."""
        group = line.key[0]
        return key != _group_key(group) or self._group(group).slots != UNLIMITED

    def _drop_holds(self, group: _Group) -> None:
        for key in [*group.holders]:
            self._unpark(self._lines[key])

    def _holder(self, key: str, rank: _Rank) -> _Rank | None:
        """Return who holds something and comes before a task; `None` if nobody does."""
        heap = self._holders.get(key)
        while heap:
            first, line_key = heap[0]
            if self._is_parked(heap[0]) and key in self._lines[line_key].holds:
                return first if first < rank else None
            heapq.heappop(heap)
        self._holders.pop(key, None)
        return None


_COMPLETE: Final = (TaskStatus.COMPLETE,)
_FAILED: Final = (TaskStatus.FAILED,)
_ENDED: Final = (TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELED)

_MOST_SLOTS: Final = 1_000_000
_NEVER: Final = "more than there is"
_NAMED: Final = 3  # of the tasks that another one waits for
_UNTIDY: Final = 1000  # entries; fewer cost nothing


def _conditions(terms: Terms) -> dict[int, tuple[TaskStatus, ...]]:
    """Return the tasks that must have ended, and with which statuses each may."""
    conditions: dict[int, tuple[TaskStatus, ...]] = {}
    for ids, accepted in (
        (terms.after, _COMPLETE),
        (terms.after_failed, _FAILED),
        (terms.after_any, _ENDED),
    ):
        for other in ids:
            both = conditions.get(other, _ENDED)
            conditions[other] = tuple(it for it in both if it in accepted)
    return conditions


def _beyond(
    count: itertools.count[int], number: int, step: int
) -> itertools.count[int]:
    here = next(count)
    return itertools.count(
        max(here, number + 1) if step > 0 else min(here, number - 1), step
    )


def local_time(at: float, *, day: bool = True) -> str:
    """Write a moment as people of this machine read it."""
    local = datetime.fromtimestamp(at, UTC).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}" if day else f"{local:%H:%M:%S}"


def _group_key(name: str) -> str:
    return f"group {name}"


def _resource_key(name: str) -> str:
    return f"resource {name}"


def _text(amount: int) -> str:
    return amount_text(amount * SMALLEST)
