"""What is true now, as far as a session that is opened needs to know it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ..processes import proc
from ..processes import table as process_table
from ..processes.exit_notes import ExitNotes, NotedExit
from ..processes.marks import is_of_session, own_part, task_of
from ..processes.notes import ProcessNote
from ..processes.start_number import number_of
from ..processes.table import Entry
from ..rules.process_record import ProcessId
from .starts import Candidate, by_number, identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOADING_LOOKS: Final = 10
_MOST_LOADING_LOOKS: Final = 100
_LOADING_PAUSE: Final = 0.02


class Surroundings(msgspec.Struct, frozen=True):
    """What is true now, as far as a session that is opened needs to know it.

    Attributes:
        boot: The id of this boot of the machine.
        notes: What is written down of the processes of running tasks.
        marked: The running processes that carry a mark of the session, by task.
        outputs: The ids of tasks that have an output file.
        ended: The noted exits of processes that may be those of tasks that were just
            being started.
        all_noted: Whether these are all that there were.
        numbered: The running processes that lead sessions and come from one of these
            starts, by its number.
        others: The numbers of starts from which other running processes come. One that
            has just been started leads no session for a moment.
    """

    boot: str
    notes: Mapping[int, ProcessNote] = {}
    marked: Mapping[int, tuple[Entry, ...]] = {}
    outputs: frozenset[int] = frozenset()
    ended: tuple[NotedExit, ...] = ()
    all_noted: bool = False
    numbered: tuple[Candidate, ...] = ()
    others: frozenset[int] = frozenset()

    @property
    def starts(self) -> dict[int, int]:
        """The tasks that may have been started, and since when, in clock ticks."""
        return {
            task_id: note.process.earliest
            for task_id, note in self.notes.items()
            if note.is_starting
            and note.boot == self.boot
            and (note.number or task_id in self.outputs or not note.output_tells)
        }

    def runs_unseen(self, task_id: int) -> bool:
        """Tell whether the process of a start is there and leads no session yet."""
        note = self.notes.get(task_id)
        return note is not None and note.number in self.others

    def never_began(self, task_id: int) -> bool:
        """Tell whether a task that was to be started certainly has had no process.

        Files do not tell: there are those of an earlier attempt, or what is made before
        the process of a job with a terminal.
        """
        note = self.notes.get(task_id)
        if note is None or note.boot != self.boot:
            return False
        if note.is_between:
            return True
        if not (note.is_starting and note.number and self.all_noted):
            return False
        if note.output_tells and task_id in self.outputs:
            return False
        seen = {it.number for it in self.numbered} | self.others
        since = note.process.earliest
        # Where the system can't tell numbers, the note has none.
        seen |= {it.number or note.number for it in self.ended if it.born >= since}
        return note.number not in seen

    def started(self, key: str) -> dict[int, Candidate]:
        """Find out which processes the tasks are that were just being started."""
        known = [it.process for it in self.notes.values() if it.process.pid]
        found = {
            ProcessId(it.pid, it.born): Candidate(it.pid, it.born, task_id)
            for task_id, entries in self.marked.items()
            for it in entries
            if it.session == it.pid
        }
        for it in self.numbered:
            process = ProcessId(it.pid, it.born)
            found[process] = replace(found.get(process, it), number=it.number)
        for it in self.ended:
            process, part = ProcessId(it.pid, it.born), own_part(it.mark)
            if part and not is_of_session(part, key):
                continue
            task_id = task_of(part) if part else None
            if process in found:  # it has just ended
                task_id = found[process].task_id
            found[process] = Candidate(it.pid, it.born, task_id, it.status, it.number)
        others = [
            it
            for process, it in found.items()
            if not any(its.fits(process) for its in known)
        ]
        starts = self.starts
        numbers = {it: number for it in starts if (number := self.notes[it].number)}
        known_by = by_number(numbers, others)
        rest = [it for it in others if it not in known_by.values()]
        seen = {it.task_id for it in rest}
        # Each of these had a process.
        others_of = {
            task_id: earliest
            for task_id, earliest in starts.items()
            if task_id not in numbers
            and (self.notes[task_id].output_tells or task_id in seen)
        }
        return known_by | identify(others_of, rest)


def look_around(
    key: str,
    notes: Mapping[int, ProcessNote],
    outputs: frozenset[int],
    exits: ExitNotes,
    all_noted: Callable[[], bool],
) -> Surroundings:
    """Look at what is true now, see `Surroundings`; reads the process table.

    Waits up to 0.2 s for a process that was just being started: before it has loaded
    its program it has no mark. And up to 2 s for one that is seen before it leads a
    session.

    Raises:
        OSError: If the system lacks what it takes.
    """
    now = Surroundings(proc.boot_id(), notes, {}, outputs)
    for look in range(_MOST_LOADING_LOOKS):
        marked: dict[int, tuple[Entry, ...]] = {}
        table = process_table.read().values()
        for entry in table:
            for part in entry.marks:
                if is_of_session(part, key) and (task_id := task_of(part)) is not None:
                    marked[task_id] = (*marked.get(task_id, ()), entry)
        now = replace(now, marked=marked)
        if not now.starts:
            break
        since = min(now.starts.values())
        numbers = frozenset(filter(None, (notes[it].number for it in now.starts)))
        numbered, others = _numbered(table, since, numbers)
        now = replace(now, numbered=numbered, others=others)
        # In this order: what has ended meanwhile is found by the next.
        uncollected = _has_uncollected(since)
        now = replace(now, ended=exits.all_since(since), all_noted=all_noted())
        found = now.started(key) if now.all_noted else marked
        missing = now.starts.keys() - found.keys()
        missing = {it for it in missing if not now.never_began(it)}
        if not (uncollected or missing):
            break
        if look >= _LOADING_LOOKS and not any(map(now.runs_unseen, missing)):
            break
        time.sleep(_LOADING_PAUSE)
    return now


def _numbered(
    table: Iterable[Entry], since: int, numbers: frozenset[int]
) -> tuple[tuple[Candidate, ...], frozenset[int]]:
    found = [
        (it, number)
        for it in table
        if it.born >= since and (number := number_of(it.pid)) in numbers
    ]
    leaders = (
        Candidate(it.pid, it.born, number=number)
        for it, number in found
        if it.session == it.pid
    )
    others = frozenset(number for it, number in found if it.session != it.pid)
    return tuple(leaders), others


def _has_uncollected(since: int) -> bool:
    """Tell whether a leader of a session has ended, and nobody has noted it yet."""
    found = filter(None, map(proc.stat, proc.pids()))
    return any(it.ended and it.session == it.pid and it.born >= since for it in found)
