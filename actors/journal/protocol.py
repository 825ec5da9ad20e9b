"""The journal: what a session must remember.

The QueueActor writes down every change before anybody hears of it. A journal is a
buffer with a `commit`: all that was noted since the last one is written in a single
transaction, so a burst costs one write. If a commit fails, nothing is lost: it stays
noted, and the next commit tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..messages import TaskChanged
from ..rules.process_record import ProcessRecord
from ..rules.schedules import Schedule
from ..rules.task import Task
from ..rules.terms import QueueRules
from ..rules.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..rules.chat_message import ChatMessage
    from .errors import DamagedJournalError


class Memory(msgspec.Struct, frozen=True):
    """What a session remembers when it is opened.

    Attributes:
        session_key: Part of the mark of its processes.
        next_id: The id of the next task.
        seq: The number of the last change.
        shown: The number of the last change that was shown to somebody.
        clean: Whether the session was closed in order when it ended last.
        tasks: All tasks, by id.
        order: Their ids, in the order of their last changes.
        last_changes: The numbers of those changes, by the ids of the tasks.
        unshown: The changes that nobody was shown yet, in order; of forgotten tasks
            too.
        processes: Those of tasks that had not ended.
        environments: Those of tasks that may be started, by the ids of the tasks.
        rules: What is set for the whole queue.
        next_schedule: The id of the next schedule.
        schedules: All schedules, by id.
        schedule_environments: What their tasks get, by the ids of the schedules.
        rebooted: Whether the machine restarted since the session was open last.
    """

    session_key: str
    next_id: int = 1
    seq: int = 0
    shown: int = 0
    clean: bool = True
    tasks: tuple[Task, ...] = ()
    order: tuple[int, ...] = ()
    last_changes: dict[int, int] = {}
    unshown: tuple[TaskChanged, ...] = ()
    processes: tuple[ProcessRecord, ...] = ()
    environments: dict[int, Variables] = {}
    rules: QueueRules = QueueRules()
    next_schedule: int = 1
    schedules: tuple[Schedule, ...] = ()
    schedule_environments: dict[int, Variables] = {}
    rebooted: bool = False


class Everything(msgspec.Struct, frozen=True):
    """What a new file is to have in place of a damaged one.

    Attributes:
        tasks: All there are, in the order of their last changes.
        unshown: The changes that nobody was shown yet, in order.
        last_changes: The numbers of the last changes, by the ids of the tasks.
    """

    tasks: Sequence[Task]
    unshown: Sequence[TaskChanged] = ()
    last_changes: Mapping[int, int] = {}


class Journal:
    """Takes note of what must be remembered. Only the QueueActor calls it.

    This one remembers nothing: for sessions that end with their process.
    """

    def changed(
        self,
        change: TaskChanged,
        environment: Variables | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Note a change of a task.

        Args:
            change: What changed.
            environment: What its processes will get, if the task is queued, or may be
                started once more. Kept as long as it is, or may be.
            always: Whether to note progress of a running or finished task too.
        """

    def runs_as(self, process: ProcessRecord) -> None:
        """Note the process of a task."""

    def ruled(self, rules: QueueRules) -> None:
        """Note what is set for the whole queue."""

    def scheduled(
        self, schedule: Schedule, environment: Variables | None = None
    ) -> None:
        """Note a schedule as it is now.

        Args:
            schedule: The schedule.
            environment: What the processes of its tasks get. Kept as long as it is.
        """

    def unscheduled(self, schedule_id: int) -> None:
        """Note that a schedule is no more."""

    def forgot(self, ids: Iterable[int]) -> None:
        """Note that tasks are forgotten; their changes are kept until `settled`."""

    def settled(self, ids: Iterable[int]) -> None:
        """Note that the changes of these forgotten tasks are no longer needed."""

    def said(self, message: ChatMessage, seq: int) -> None:
        """Note a chat message that was said after the change with this number."""

    def shown(self, seq: int) -> None:
        """Note that all changes up to this one have been shown; never goes back."""

    def commit(self) -> None:
        """Write down what was noted since the last commit. Blocks for the write.

        Raises:
            BusyJournalError: If another program holds the file.
            DamagedJournalError: If the file is damaged or gone: see `start_over`.
            JournalError: If that fails; everything stays noted for the next commit.
        """

    @property
    def can_wait(self) -> bool:
        """Whether nothing is noted but what was shown."""
        return False

    def be_patient(self, seconds: float) -> None:
        """Let each call from now on wait so long for a program that holds the file."""

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        """Set a damaged file aside for a reason, and note all there is for a new one.

        The next commit makes that. What was said, and what was shown, is in the old
        file alone.

        Returns:
            What became of it, for people.

        Raises:
            JournalError: If that fails, or if the new file is damaged as well.
        """
        del everything
        return str(why)

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return the last of what was said and shown, so many at most, in order.

        Raises:
            DamagedJournalError: If the file is damaged: see `start_over`.
            JournalError: If they can't be read.
        """
        del limit
        return ()

    @property
    def has_traces(self) -> bool:
        """Whether the file may still hold what was deleted of environments."""
        return False

    def begin_wipe(self) -> Path:
        """Note that the file is about to be wiped: see `sqlite_file.wipe`.

        The caller may wipe it on another thread, meanwhile and not later than
        `close`. What is deleted from now on counts anew.

        Returns:
            The file.
        """
        raise ValueError("there is no file")

    def end_wipe(self, *, done: bool) -> None:
        """Note whether it was."""

    def close(self, *, clean: bool) -> None:
        """Commit and release the file; it is `clean` if nothing is left running.

        Raises:
            JournalError: If that fails; the file is released nevertheless.
        """
