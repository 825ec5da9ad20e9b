"""Opening a session: its folder, its journal, and what a killed program has left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ..journal.protocol import Journal, Memory
from ..kinds import Adopting
from ..processes import proc
from ..processes.exit_notes import ExitNotes
from ..rules.record import Record
from ..rules.status import TaskStatus
from ..rules.task import Task, running_of
from .folder import SessionFolder
from .folder_errors import FolderError
from .leftovers import clear_way, end_leftovers
from .recovery import Recovered, as_left, recover, told_now
from .surroundings import look_around

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..kinds import Kinds
    from ..processes.notes import ProcessNote, ProcessNotes
    from ..rules.process_record import StartedProcess


class Opened(Record, frozen=True):
    """A session that is open, before its actors are.

    Attributes:
        output: The folder of the output files.
        journal: What remembers it.
        memory: What is remembered, put right.
        recovered: What became of the tasks that ran in an earlier life.
        notes: What is written down of processes that may outlive this one, if they may.
        exits: What a keeper has noted of processes that have ended.
        resumed: The tasks that waited and can start.
        warnings: What a person should know of how the session was found.
    """

    output: Path
    journal: Journal
    memory: Memory
    recovered: Recovered
    notes: ProcessNotes | None = None
    exits: ExitNotes = msgspec.field(default_factory=ExitNotes)
    resumed: tuple[Task, ...] = ()
    warnings: tuple[str, ...] = ()


class Opening:
    """Opens a session. Blocks while what a killed program has left is ended.

    Args:
        releases: Takes what undoes each step, in order.
        kinds: The kinds of tasks that can run.
        grace: Seconds between asking a process to end and killing it.
        adopts: Whether jobs that are left running go on.
        hurried: Tells, on any thread, whether somebody waits for the end of this.
        found: Told what is being ended; an empty text once it has.
        all_noted: Tells whether all jobs that have ended since their program was killed
            were noted by a keeper; None without one.
    """

    def __init__(  # noqa: PLR0913 - each is one independent setting
        self,
        releases: list[Callable[[], object]],
        kinds: Kinds,
        grace: float,
        *,
        adopts: bool,
        hurried: Callable[[], bool],
        found: Callable[[str], None],
        all_noted: Callable[[], bool] | None = None,
    ) -> None:
        self._releases = releases
        self._kinds = kinds
        self._grace = grace
        self._adopts = adopts
        self._hurried = hurried
        self._found = found
        self._all_noted = all_noted

    def open_temporary(self) -> Opened:
        """Open a session of which nothing is remembered."""
        import shutil  # noqa: PLC0415 - the same
        import tempfile  # noqa: PLC0415 - a remembered session starts without it

        temporary = Path(tempfile.mkdtemp(prefix="backburner-"))
        self._releases.append(lambda: _remove(temporary, shutil.rmtree))
        memory = Memory(session_key=os.urandom(6).hex())
        return Opened(temporary, Journal(), memory, Recovered())

    def open(self, directory: Path) -> Opened:
        """Open the session in a folder.

        Raises:
            FolderError: If the folder can't be used.
            JournalError: If its journal can't be used.
        """
        folder = SessionFolder(directory)
        self._releases.append(folder.close)
        last_seen = folder.last_written()
        journal, memory, warning = folder.open_journal(self._hurried)
        # Until the queue has it; closing it again after that does nothing.
        self._releases.append(journal.release)
        notes: ProcessNotes | None = None
        recovered = Recovered()
        began = [it for it in memory.tasks if it.status is TaskStatus.RUNNING]
        running = running_of(began)
        if self._adopts:
            numbers = self._all_noted is not None
            notes = folder.open_notes(memory.session_key, numbers=numbers)
            self._releases.append(notes.close)
            recovered = self._recover(
                folder, memory, notes, began, lost=warning is not None
            )
        left = end_leftovers(
            memory,
            running,
            recovered,
            grace=self._grace,
            hurried=self._hurried,
            found=self._found,
        )
        self._found("")
        if left is not None:
            warning = f"still alive from the last time, and can't be ended: {left}"
        resumed = self._can_start(memory.tasks)
        tasks = as_left(memory.tasks, last_seen, recovered)
        goes_on = {it.task.id for it in recovered.adopted}
        now = {it.id: it for it in tasks if it.id in goes_on} if goes_on else {}
        adopted = tuple(replace(it, task=now[it.task.id]) for it in recovered.adopted)
        return Opened(
            folder.output,
            journal,
            replace(
                memory, tasks=tasks, unshown=told_now(memory.unshown, recovered.spared)
            ),
            replace(recovered, adopted=adopted),
            notes,
            folder.exits,
            resumed,
            () if warning is None else (warning,),
        )

    def _recover(
        self,
        folder: SessionFolder,
        memory: Memory,
        notes: ProcessNotes,
        began: list[Task],
        *,
        lost: bool,
    ) -> Recovered:
        """Find out what goes on of what a killed program has left."""
        running = [it.id for it in running_of(began)]
        if not running:
            folder.exits.forget_all()  # of no interest to anybody any more
        between = [it.id for it in began if _is_made_again(it)]
        if memory.clean and not running:
            notes.load((), between)
            return Recovered()
        adopting = {it.name for it in self._kinds if isinstance(it, Adopting)}
        exits, noted = folder.exits, notes.load(running, between)
        self._releases.append(exits.let_go)
        # Before anything that takes its time, in which their jobs may end.
        exits.hold(_unfinished(noted.values()))
        now = look_around(
            memory.session_key,
            noted,
            folder.output_ids(),
            exits,
            self._all_noted or (lambda: False),
        )
        recovered = recover(memory, now, adopting, lost=lost)
        exits.hold(
            it.process
            for it in recovered.adopted
            if it.process is not None and it.status is None
        )
        clear_way(recovered.adopted)
        return recovered

    def _can_start(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return the tasks that wait for nothing but a slot."""
        # Without a call for each: a queue may be long.
        queued = TaskStatus.QUEUED
        kinds = {it.name for it in self._kinds}
        return tuple(
            [
                it
                for it in tasks
                if it.status is queued
                and (
                    (terms := it.terms) is None
                    or not (
                        terms.held
                        or terms.at
                        or terms.after
                        or terms.after_failed
                        or terms.after_any
                    )
                )
                and it.kind in kinds
            ]
        )


def _unfinished(notes: Iterable[ProcessNote]) -> Iterator[StartedProcess]:
    """Return the processes that may run, as far as is written down."""
    boot = proc.boot_id()
    for it in notes:
        if it.process.pid and it.boot == boot and it.status is None:
            yield it.process


def _is_made_again(task: Task) -> bool:
    """Tell whether a Running task will have another process of this machine."""
    is_local = task.terms is None or not task.terms.engine
    return task.waits_to_run and is_local and task.output_path is not None


def _remove(temporary: Path, remove: Callable[..., None]) -> None:
    """Delete the temporary folder of a session that is not remembered.

    Raises:
        FolderError: If something of it can't be deleted.
    """
    remove(temporary, ignore_errors=True)
    try:
        # What a process made meanwhile goes too; if it still fails this says why.
        remove(temporary)
    except FileNotFoundError:
        pass  # it is gone
    except OSError as error:
        why = error.strerror or str(error)
        text = f"can't delete the temporary folder {temporary}: {why}; delete it"
        raise FolderError(text) from error
