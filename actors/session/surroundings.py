"""The current state of the machine, for the recovery of a session."""

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
    """The current state of the machine, for the recovery of a session.

    Attributes:
        boot: The id of this boot of the machine.
        notes: The notes about the processes of running tasks.
        marked: The running processes with a mark of the session, by task.
        outputs: The ids of tasks that have an output file.
        ended: The noted exits of processes that may belong to tasks that were just
            being started.
        all_noted: Whether `ended` is complete.
        numbered: The running session leaders that come from one of these starts, with
            its number.
        others: The numbers of starts from which other running processes come. A process
            that was just started is not a session leader for a moment.
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
        """The tasks that may have been started, with the earliest clock tick."""
        return {
            task_id: note.process.earliest
            for task_id, note in self.notes.items()
            if note.is_starting
            and note.boot == self.boot
            and (note.number or task_id in self.outputs or not note.output_tells)
        }

    def runs_unseen(self, task_id: int) -> bool:
        """Return whether a start has a process that is not a session leader yet."""
        note = self.notes.get(task_id)
        return note is not None and note.number in self.others

    def never_began(self, task_id: int) -> bool:
        """Return whether a start certainly never had a process.

        An output file is no proof of a process: it may come from an earlier attempt, or
        was created before the process of a job with a terminal.
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
        # On systems without numbers, the note has none.
        seen |= {it.number or note.number for it in self.ended if it.born >= since}
        return note.number not in seen

    def started(self, key: str) -> dict[int, Candidate]:
        """Identify the processes of the tasks that were just being started."""
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
        # All of these had a process.
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
    """Collect the current state of the machine; reads the process table.

    Waits up to 0.2 s for a process that was just being started, since it has no mark
    before `exec`; and up to 2 s for a process that is not a session leader yet.

    Raises:
        OSError: If the system lacks resources.
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
        # In this order, so that a process that ends in between is found.
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
    """Return whether a session leader has ended, and its exit is not noted yet."""
    found = filter(None, map(proc.stat, proc.pids()))
    return any(it.ended and it.session == it.pid and it.born >= since for it in found)
