"""Opening a session: its directory, its journal, and jobs of a killed program."""

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
    """An open session, before its actors are started.

    Attributes:
        output: The directory of the output files.
        journal: The journal.
        memory: The stored state after recovery.
        recovered: The results for tasks that were running.
        notes: The notes about processes, if jobs may outlive this process.
        exits: The exit statuses that a keeper has noted.
        resumed: The queued tasks that can start.
        warnings: Warnings about the state of the session, for people.
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
    """Opens a session. Blocks while jobs of a killed program are ended.

    Args:
        releases: The list to which a call that undoes each step is appended.
        kinds: The kinds of tasks that can run.
        grace: Seconds between SIGTERM and SIGKILL.
        adopts: Whether jobs of a killed program keep running.
        hurried: Returns whether to end the grace period; called on any thread.
        found: Called with the names of the processes that are being ended, and with an
            empty text afterwards.
        all_noted: Returns whether a keeper has noted all jobs that ended since their
            program was killed; None without a keeper.
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
        """Open a temporary session, of which nothing is kept."""
        import shutil  # noqa: PLC0415 - only needed for temporary sessions
        import tempfile  # noqa: PLC0415 - only needed for temporary sessions

        temporary = Path(tempfile.mkdtemp(prefix="backburner-"))
        self._releases.append(lambda: _remove(temporary, shutil.rmtree))
        memory = Memory(session_key=os.urandom(6).hex())
        return Opened(temporary, Journal(), memory, Recovered())

    def open(self, directory: Path) -> Opened:
        """Open the session in a directory.

        Raises:
            FolderError: If the directory can't be used.
            JournalError: If its journal can't be used.
        """
        folder = SessionFolder(directory)
        self._releases.append(folder.close)
        last_seen = folder.last_written()
        journal, memory, warning = folder.open_journal(self._hurried)
        # Only needed until the queue owns it; later calls do nothing.
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
        """Determine which jobs of a killed program keep running."""
        running = [it.id for it in running_of(began)]
        if not running:
            folder.exits.forget_all()  # no longer needed
        between = [it.id for it in began if _is_made_again(it)]
        if memory.clean and not running:
            notes.load((), between)
            return Recovered()
        adopting = {it.name for it in self._kinds if isinstance(it, Adopting)}
        exits, noted = folder.exits, notes.load(running, between)
        self._releases.append(exits.let_go)
        # Before slow steps, during which jobs may end.
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
        """Return the tasks that wait only for a slot."""
        # No call per task, since a queue may be long.
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
    """Return the noted processes that may still run."""
    boot = proc.boot_id()
    for it in notes:
        if it.process.pid and it.boot == boot and it.status is None:
            yield it.process


def _is_made_again(task: Task) -> bool:
    """Return whether a Running task waits to start another process on this machine."""
    is_local = task.terms is None or not task.terms.engine
    return task.waits_to_run and is_local and task.output_path is not None


def _remove(temporary: Path, remove: Callable[..., None]) -> None:
    """Delete the directory of a temporary session.

    Raises:
        FolderError: If a part of it can't be deleted.
    """
    remove(temporary, ignore_errors=True)
    try:
        # Again, for files that a process created in between, and for the error.
        remove(temporary)
    except FileNotFoundError:
        pass  # it is gone
    except OSError as error:
        why = error.strerror or str(error)
        text = f"can't delete the temporary folder {temporary}: {why}; delete it"
        raise FolderError(text) from error
