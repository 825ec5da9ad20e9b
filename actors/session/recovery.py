"""Opening a session again: what its last program left undone is put in order.

What was queued stays queued. What was running goes on, if the program that opens the
session takes over jobs: `recover` decides, task by task. Else it has failed, since
nobody saw its end, and what is left of its processes is ended first.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ..processes import family, proc
from ..processes import table as process_table
from ..processes.bounds import held_of_session, remove_groups
from ..processes.ending import end_all
from ..processes.exit_notes import ExitNotes, NotedExit
from ..processes.handle import Process
from ..processes.marks import is_of_session, own_part, task_of
from ..processes.notes import ProcessNote
from ..processes.output_file import OutputMonitor
from ..processes.start_number import number_of
from ..processes.table import Entry
from ..rules.adoption import Adoption
from ..rules.outcome import (
    GOES_ON,
    LOST,
    NEVER_KNOWN,
    RESTARTED,
    Outcome,
)
from ..rules.output_news import OutputNews
from ..rules.process_record import ProcessId, StartedProcess
from ..rules.status import TaskStatus
from ..rules.task import (
    Task,
    running_of,
)
from .starts import Candidate, by_number, identify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable

    from ..journal.protocol import Memory
    from ..messages import TaskChanged
    from ..rules.process_record import ProcessRecord

NEVER_STARTED: Final = Outcome.failed(
    "the session's host was killed before it had started it; run it again"
)

_TOLERANCE: Final = 2.0
"""Seconds by which a process's recorded and its actual creation time may differ.

The recorded one was read off the clock just after; the system knows the actual one
only relative to its own start, whose date it keeps in whole seconds.
"""


_LOADING_LOOKS: Final = 10
_MOST_LOADING_LOOKS: Final = 100
_LOADING_PAUSE: Final = 0.02

_FARTHEST_ID: Final = 10_000_000
"""How far above all known ids the name of an output file may be an id of ours."""


def restored(
    memory: Memory, next_id: int, seq: int | None, outputs: Collection[int]
) -> tuple[Memory, str | None]:
    """Return what is true of a session, by all that its folder remembers of it.

    The journal may have lost its last changes: in a power cut, or because a file of it
    was deleted. Then no id is given twice, and no task is run twice: one that is
    queued and has an output file was started, and so was running when the last program
    ended, as far as anybody knows.

    Args:
        memory: What the journal remembers.
        next_id: What the lock file has as the id of the next task.
        seq: What it has as the number of the last change; None if an older version
            wrote it, whose `next_id` may be too high.
        outputs: The ids of the output files.

    Returns:
        What is true, and what is lost, for people, or None. The text follows the name
        of the journal, and the name of the output folder follows the text.
    """
    is_new = memory.next_id == 1
    if seq is None and not is_new:
        next_id = 1
    next_id = max(next_id, memory.next_id)
    ours = [it for it in outputs if it < next_id + _FARTHEST_ID]
    next_id = max([next_id, *(it + 1 for it in ours)])
    lost: str | None = None
    if is_new and next_id > 1:
        lost = "was missing or empty, and the session starts without its tasks;"
    elif memory.seq < (seq or 0):
        lost = "has lost the last changes, perhaps what tasks were added and how some"
        lost += " ended;"
    if lost is not None:
        lost += " their output is still in"
    queued = TaskStatus.QUEUED
    # Without a look at each of a long queue if none of it can be one.
    started = (
        {it.id for it in memory.tasks if it.status is queued}.intersection(ours)
        if ours
        else frozenset[int]()
    )
    return replace(
        memory,
        next_id=next_id,
        seq=max(memory.seq, seq or 0),
        # What a lost change tells may run still, and is known by its mark alone.
        clean=memory.clean and lost is None,
        tasks=tuple(
            it.started(it.queued_at) if it.id in started else it for it in memory.tasks
        )
        if started
        else memory.tasks,
    ), lost


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
        # One without a number was noted where they can't be told.
        seen |= {it.number or note.number for it in self.ended if it.born >= since}
        return note.number not in seen


class Recovered(msgspec.Struct, frozen=True):
    """What becomes of a session that was not closed in order.

    Attributes:
        adopted: The tasks that go on.
        lost: How the others ended that were running.
        spared: The ids of tasks whose processes are left alone.
        left: What finished tasks have left running, by their ids.
        is_whole: Whether every task that ran goes on, or begins, and no other process
            of the session was seen.
    """

    adopted: tuple[Adoption, ...] = ()
    lost: Mapping[int, Outcome] = {}
    spared: frozenset[int] = frozenset()
    left: Mapping[int, tuple[ProcessId, ...]] = {}
    is_whole: bool = False


def recover(
    memory: Memory, now: Surroundings, adopting: Container[str], *, lost: bool = False
) -> Recovered:
    """Decide what becomes of the tasks that were running. Looks at nothing itself.

    Args:
        memory: What the session remembers.
        now: What is true now.
        adopting: The kinds whose jobs can be taken over; with none, all have failed.
        lost: Whether the journal has lost something: then what belongs to a task that
            it does not know is not left alone.
    """
    running = running_of(memory.tasks)
    restarted = memory.rebooted or any(it.boot != now.boot for it in now.notes.values())
    started = _started(memory.session_key, now) if now.all_noted else {}
    adopted: list[Adoption] = []
    failed: dict[int, Outcome] = {}
    for task in running:
        if task.kind not in adopting:
            failed[task.id] = RESTARTED if restarted else LOST
            continue
        if task.terms is not None and task.terms.engine and not restarted:
            adopted.append(Adoption(task))  # the engine knows
            continue
        known = started.get(task.id)
        if known is not None:
            process = StartedProcess(known.pid, known.born, known.born)
            adopted.append(Adoption(task, process, known.status))
            continue
        found = _adoption(task, memory, now, restarted=restarted)
        if isinstance(found, Adoption):
            adopted.append(found)
        else:
            failed[task.id] = found
    if not adopting:
        return Recovered(lost=failed)
    open_ids = {it.id for it in memory.tasks if not it.status.is_final}
    known = {it.id for it in memory.tasks} if lost else range(1, memory.next_id)
    left = {it for it in now.marked if it in known and it not in open_ids}
    goes_on = {it.task.id for it in adopted if not it.begins}
    spared = frozenset(goes_on | left)
    return Recovered(
        tuple(adopted),
        failed,
        spared,
        {it: tuple(entry.process for entry in now.marked[it]) for it in left},
        not (failed or lost) and now.marked.keys() <= spared,
    )


def _adoption(
    task: Task, memory: Memory, now: Surroundings, *, restarted: bool
) -> Adoption | Outcome:
    note = now.notes.get(task.id)
    if note is not None and note.boot == now.boot and note.process.pid:
        return Adoption(task, note.process, note.status)
    if restarted or task.output_path is None:
        # What has no process goes on in the program itself, such as a wait.
        return RESTARTED if restarted else Adoption(task)
    if not now.never_began(task.id):
        leaders = [it for it in now.marked.get(task.id, ()) if it.session == it.pid]
        if leaders:
            # What a job starts in a session of its own was started after it.
            first = min(leaders, key=lambda it: (it.born, it.pid))
            process = StartedProcess(first.pid, first.born, first.born)
            return Adoption(task, process, in_doubt=True)
        seen = task.id in now.outputs or task.id in now.marked
        if seen or now.runs_unseen(task.id):
            return NEVER_KNOWN
    begins = Adoption(task, begins=True)
    if task.id not in memory.environments:
        return begins.stops_with or NEVER_STARTED
    return begins.stops_with or begins


def _started(key: str, now: Surroundings) -> dict[int, Candidate]:
    """Find out which processes the tasks are that were just being started."""
    known = [it.process for it in now.notes.values() if it.process.pid]
    found = {
        ProcessId(it.pid, it.born): Candidate(it.pid, it.born, task_id)
        for task_id, entries in now.marked.items()
        for it in entries
        if it.session == it.pid
    }
    for it in now.numbered:
        process = ProcessId(it.pid, it.born)
        found[process] = replace(found.get(process, it), number=it.number)
    for it in now.ended:
        process, part = ProcessId(it.pid, it.born), own_part(it.mark)
        if part and not is_of_session(part, key):
            continue
        task_id = task_of(part) if part else None
        if process in found:  # it has just ended
            task_id = found[process].task_id
        found[process] = Candidate(it.pid, it.born, task_id, it.status, it.number)
    others = [it for process, it in found.items() if not _is_any(process, known)]
    starts = now.starts
    numbers = {it: number for it in starts if (number := now.notes[it].number)}
    known_by = by_number(numbers, others)
    rest = [it for it in others if it not in known_by.values()]
    seen = {it.task_id for it in rest}
    # Each of these had a process.
    others_of = {
        task_id: earliest
        for task_id, earliest in starts.items()
        if task_id not in numbers
        and (now.notes[task_id].output_tells or task_id in seen)
    }
    return known_by | identify(others_of, rest)


def _is_any(process: ProcessId, known: Iterable[StartedProcess]) -> bool:
    return any(it.fits(process) for it in known)


def look_around(
    key: str,
    notes: Mapping[int, ProcessNote],
    outputs: frozenset[int],
    exits: ExitNotes,
    all_noted: Callable[[], bool] = lambda: False,
) -> Surroundings:
    """Look at what is true now; reads the process table.

    Waits up to 0.2 s for a process that was just being started: before it has loaded
    its program it has no mark. And up to 2 s for one that is seen before it leads a
    session.

    Args:
        key: The session's key.
        notes: What is written down of processes.
        outputs: The ids of tasks that have an output file.
        exits: What is written down of how processes ended.
        all_noted: Tells whether that is so of all that earlier programs had started.

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
        found = _started(key, now) if now.all_noted else marked
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


def end_leftovers(
    memory: Memory,
    grace: float,
    hurried: Callable[[], bool] = lambda: False,
    found: Callable[[str], None] = lambda _: None,
    recovered: Recovered | None = None,
) -> str | None:
    """End the processes of a session that was not closed in order.

    They are recognized by the mark in their environment, or by their recorded id
    together with their creation time; a process that merely has the same id by now is
    never touched. Blocks until they are gone, at most for the grace period and a
    second.

    Args:
        memory: What the session remembers.
        grace: Seconds between SIGTERM and SIGKILL.
        hurried: Tells whether the grace period is over before its time.
        found: Told what is there to be ended, for people; more than once.
        recovered: What goes on; by default nothing does.

    Returns:
        What could not be ended, for people; none if nothing is left.
    """
    running = {it.id for it in running_of(memory.tasks)}
    spared = frozenset[int]() if recovered is None else recovered.spared
    if memory.clean and running <= spared:
        return None
    leaders = [
        leader
        for record in memory.processes
        if record.task_id in running - spared and (leader := _find(record)) is not None
    ]
    key = memory.session_key
    members = family.find_sessions(leaders)
    is_whole = recovered is not None and recovered.is_whole and not members

    def search(*, once: bool = False) -> list[Process]:
        marked = family.find_marked(
            lambda part: is_of_session(part, key) and task_of(part) not in spared,
            once=once,
        )
        # Most are known both ways.
        held = held_of_session(key, spared, look=True)
        left = [*dict.fromkeys([*marked, *held, *filter(Process.is_alive, members)])]
        found(family.describe(left))
        return left

    # Of a whole session one look has found nothing already, and each takes long.
    has_none = is_whole and not search(once=True)
    left = "" if has_none else end_all(search, grace, hurried)
    remove_groups(key, spared)
    return left or None


def clear_way(adopted: Iterable[Adoption]) -> None:
    """Delete the output files that were made for a process that was never started.

    Those of jobs with a terminal or an input are there before their process.
    """
    for it in adopted:
        task = it.task
        if it.begins and task.attempt is None and task.output_path is not None:
            output = Path(task.output_path)
            with contextlib.suppress(OSError):
                found = output.lstat()
                if stat.S_ISREG(found.st_mode) and not found.st_size:
                    output.unlink()


def as_left(
    tasks: Iterable[Task], last_seen: float, recovered: Recovered | None = None
) -> tuple[Task, ...]:
    """Return tasks as they were left, those that were running when their program died.

    What finished ones had left running has been ended, at the end of the session or
    just now, unless it is spared.

    Neither their output nor their duration was written down. The file has all of the
    output. Nobody knows how long one ran: at least until it or the program last wrote
    something. Reads the ends of their files, once these have no more writers.

    Args:
        tasks: The tasks, as they were written down.
        last_seen: When the program last wrote something, in seconds since the epoch.
        recovered: What goes on; by default nothing does.
    """
    running = TaskStatus.RUNNING
    recovered = recovered or Recovered()
    spared = recovered.spared
    began = {it.task.id for it in recovered.adopted if it.begins}
    goes_on = {it.task.id for it in recovered.adopted}
    now = time.time()

    def left(task: Task) -> Task:
        if task.id in began:
            return task
        return _as_left(task, now if task.id in goes_on else last_seen)

    # Without a call for each of a long history.
    return tuple(
        [
            left(it)
            if it.status is running and not it.waits_to_run
            else (
                it.with_left_running("")
                if it.ended_at is not None
                and GOES_ON in it.reason
                and it.id not in spared
                else it
            )
            for it in tasks
        ]
    )


def told_now(
    changes: Iterable[TaskChanged], spared: Container[int] = ()
) -> tuple[TaskChanged, ...]:
    """Return changes of an earlier life as they are to be told now.

    What tasks had left running then has been ended, unless it is spared.
    """
    return tuple(
        [
            replace(it, task=it.task.with_left_running(""))
            if GOES_ON in it.task.reason and it.task.id not in spared
            else it
            for it in changes
        ]
    )


def _as_left(task: Task, last_seen: float) -> Task:
    news: OutputNews | None = None
    if task.output_path is not None:
        output = Path(task.output_path)
        news = OutputMonitor(output).look_last()
        with contextlib.suppress(OSError):
            last_seen = max(last_seen, output.lstat().st_mtime)
    if task.paused_at is not None:
        # It has stood still since, and stands still as long as that lasts.
        last_seen = task.paused_at.timestamp()
    began = last_seen if task.started_at is None else task.started_at.timestamp()
    ran = max(0.0, last_seen - began - task.paused_for)
    return task.progressed(news or OutputNews(0), ran)


def _find(record: ProcessRecord) -> Process | None:
    process = Process.find(record.pid)
    if process is None or abs(process.created - record.created) >= _TOLERANCE:
        return None
    return process if _may_be_of_a_task(record.pid) else None


def _may_be_of_a_task(pid: int) -> bool:
    """Tell whether a process can be that of a task, apart from what is written down.

    That leads a session, and this program does not come from it.
    """
    try:
        leads = os.getsid(pid) == pid
    except OSError:
        return False
    return leads and pid not in {os.getpid(), os.getsid(0), os.getppid()}
