"""Recovery of a session whose last program was killed.

Queued tasks stay queued. Running tasks continue if the program that opens the session
adopts jobs: `recover` decides this for each task. Otherwise they have failed, since
their outcome is unknown, and their remaining processes are ended first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ..processes.notes import age_of
from ..processes.output_file import OutputMonitor
from ..rules.adoption import Adoption
from ..rules.outcome import COPIED, LOST, NEVER_KNOWN, RESTARTED, STILL_RUNNING, Outcome
from ..rules.output_news import OutputNews
from ..rules.process_record import ProcessId, StartedProcess
from ..rules.status import TaskStatus
from ..rules.task import Task, running_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from ..journal.protocol import Memory
    from ..messages import TaskChanged
    from .surroundings import Surroundings

NEVER_STARTED: Final = Outcome.failed(
    "the session's host was killed before it had started it; run it again"
)


class Recovered(msgspec.Struct, frozen=True):
    """The results of the recovery of a session.

    Attributes:
        adopted: The running tasks that continue.
        lost: The outcomes of the other running tasks, by id.
        spared: The ids of tasks whose processes are left alone.
        left: The background processes of finished tasks, by id.
    """

    adopted: tuple[Adoption, ...] = ()
    lost: Mapping[int, Outcome] = {}
    spared: frozenset[int] = frozenset()
    left: Mapping[int, tuple[ProcessId, ...]] = {}


def recover(
    memory: Memory, now: Surroundings, adopting: Container[str], *, lost: bool = False
) -> Recovered:
    """Decide which running tasks continue. A pure function.

    Args:
        memory: The stored state of the session.
        now: The current state of the machine.
        adopting: The kinds whose jobs can be adopted; if empty, all tasks have failed.
        lost: Whether the journal has lost changes; then processes of unknown tasks are
            not spared.
    """
    running = running_of(memory.tasks)
    restarted = memory.rebooted or any(it.boot != now.boot for it in now.notes.values())
    started = now.started(memory.session_key) if now.all_noted else {}
    adopted: list[Adoption] = []
    failed: dict[int, Outcome] = {}
    for task in running:
        if task.kind not in adopting:
            failed[task.id] = RESTARTED if restarted else LOST
            continue
        if task.terms is not None and task.terms.engine and not restarted:
            adopted.append(Adoption(task))  # the engine knows its state
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
    )


def _adoption(
    task: Task, memory: Memory, now: Surroundings, *, restarted: bool
) -> Adoption | Outcome:
    note = now.notes.get(task.id)
    if note is not None and note.boot == now.boot and note.process.pid:
        return Adoption(task, note.process, note.status)
    if restarted or task.output_path is None:
        # A job without a process, such as a wait, continues in the program itself.
        return RESTARTED if restarted else Adoption(task)
    if not now.never_began(task.id):
        leaders = [it for it in now.marked.get(task.id, ()) if it.session == it.pid]
        if leaders:
            # The first process is the oldest: its descendants were started later.
            first = min(leaders, key=lambda it: (it.born, it.pid))
            process = StartedProcess(first.pid, first.born, first.born)
            return Adoption(task, process, in_doubt=True)
        seen = task.id in now.outputs or task.id in now.marked
        if seen or now.runs_unseen(task.id):
            return COPIED if memory.is_copy else NEVER_KNOWN
    begins = Adoption(task, begins=True)
    if task.id not in memory.environments:
        return begins.stops_with or NEVER_STARTED
    return begins.stops_with or begins


def as_left(
    tasks: Iterable[Task], last_seen: float, recovered: Recovered
) -> tuple[Task, ...]:
    """Return stored tasks with updated output, durations and background processes.

    Progress of running tasks is not stored. Their output is read from the ends of
    their files. The durations of those that continue follow from the ages of their
    processes; the others ran at least until they or the program last wrote something.
    The background processes of finished tasks have been ended, unless they are spared.
    Call this after the other processes were ended.

    Args:
        tasks: The stored tasks.
        last_seen: When the program last wrote something, in seconds since the epoch.
        recovered: The results of the recovery.
    """
    running = TaskStatus.RUNNING
    spared = recovered.spared
    began = {it.task.id for it in recovered.adopted if it.begins}
    goes_on = {it.task.id: it.process for it in recovered.adopted}
    now = time.time()

    def left(task: Task) -> Task:
        if task.id in began:
            return task
        process = goes_on.get(task.id)
        age = None if process is None else age_of(process)
        return _as_left(task, now if task.id in goes_on else last_seen, age)

    # No call per task, since a history may be long.
    return tuple(
        [
            left(it)
            if it.status is running and not it.waits_to_run
            else (
                it.with_left_running("")
                if it.ended_at is not None
                and STILL_RUNNING in it.reason
                and it.id not in spared
                else it
            )
            for it in tasks
        ]
    )


def told_now(
    changes: Iterable[TaskChanged], spared: Container[int]
) -> tuple[TaskChanged, ...]:
    """Return stored changes in the form in which they are sent now.

    Without background processes of their tasks, which have been ended, unless they are
    spared.
    """
    return tuple(
        [
            replace(it, task=it.task.with_left_running(""))
            if it.task.ended_at is not None
            and STILL_RUNNING in it.task.reason
            and it.task.id not in spared
            else it
            for it in changes
        ]
    )


def _as_left(task: Task, last_seen: float, age: float | None) -> Task:
    news: OutputNews | None = None
    if task.output_path is not None:
        output = Path(task.output_path)
        news = OutputMonitor(output).look_last()
        with contextlib.suppress(OSError):
            last_seen = max(last_seen, output.lstat().st_mtime)
    if task.paused_at is not None:
        # Its duration has not advanced since the pause.
        last_seen = task.paused_at.timestamp()
    began = last_seen if task.started_at is None else task.started_at.timestamp()
    ran = last_seen - began - task.paused_for
    if age is not None:
        # The clock may have been set since the task began.
        of_process = age - task.paused_for
        if task.paused_at is not None:
            ran = min(ran, of_process)
        else:
            ran = of_process if task.attempt is None else max(ran, of_process)
    return task.progressed(news or OutputNews(0), max(0.0, ran))
