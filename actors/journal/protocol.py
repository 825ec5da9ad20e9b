"""The journal: the stored state of a session.

The QueueActor stores every change before it is announced. A journal is a buffer with a
`commit`, which writes all changes recorded since the last one in a single transaction,
so a burst costs one write. If a commit fails, the changes stay in the buffer, and the
next commit retries them.
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
    """The state that a session has when it is opened.

    Attributes:
        session_key: The part of its mark that identifies its processes.
        next_id: The id of the next task.
        seq: The number of the last change.
        shown: The number of the last change that was shown.
        clean: Whether the session was last closed in order.
        tasks: All tasks, by id.
        order: Their ids, in the order of their last changes.
        last_changes: The numbers of those changes, by the ids of the tasks.
        unshown: The changes that were not shown yet, in order, including those of
            forgotten tasks.
        processes: The processes of unfinished tasks.
        environments: The environments of tasks that may be started, by the ids of the
            tasks.
        rules: The settings of the whole queue.
        next_schedule: The id of the next schedule.
        schedules: All schedules, by id.
        schedule_environments: The environments of their tasks, by the ids of the
            schedules.
        rebooted: Whether the machine was restarted since the session was last open.
        is_copy: Whether the session was open in another folder, from which this one
            was copied or moved. The processes of its tasks belong to that one.
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
    is_copy: bool = False


class Everything(msgspec.Struct, frozen=True):
    """The content of a new file that replaces a damaged one.

    Attributes:
        tasks: All tasks, in the order of their last changes.
        unshown: The changes that were not shown yet, in order.
        last_changes: The numbers of the last changes, by the ids of the tasks.
    """

    tasks: Sequence[Task]
    unshown: Sequence[TaskChanged] = ()
    last_changes: Mapping[int, int] = {}


class Journal:
    """Stores changes. Only the QueueActor calls it.

    This base class stores nothing: for sessions that end with their process.
    """

    def changed(
        self,
        change: TaskChanged,
        environment: Variables | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Record a change of a task.

        Args:
            change: The change.
            environment: The environment for its processes, if the task is queued, or
                may be started once more. Kept only that long.
            always: Whether to record progress of a running or finished task too.
        """

    def runs_as(self, process: ProcessRecord) -> None:
        """Record the process of a task."""

    def ruled(self, rules: QueueRules) -> None:
        """Record the settings of the whole queue."""

    def scheduled(
        self, schedule: Schedule, environment: Variables | None = None
    ) -> None:
        """Record the current state of a schedule.

        Args:
            schedule: The schedule.
            environment: The environment of its tasks, kept as long as the schedule.
        """

    def unscheduled(self, schedule_id: int) -> None:
        """Record that a schedule was removed."""

    def forgot(self, ids: Iterable[int]) -> None:
        """Record that tasks are forgotten; their changes are kept until `settled`."""

    def settled(self, ids: Iterable[int]) -> None:
        """Record that the changes of these forgotten tasks are no longer needed."""

    def said(self, message: ChatMessage, seq: int) -> None:
        """Record a chat message that followed the change with this number."""

    def shown(self, seq: int) -> None:
        """Record that all changes up to this one were shown; never decreases."""

    def commit(self) -> None:
        """Write all recorded changes. Blocks for the write.

        Raises:
            BusyJournalError: If another program holds the file.
            DamagedJournalError: If the file is damaged or gone: see `start_over`.
            JournalError: If the write fails; the changes stay recorded for the next
                commit.
        """

    @property
    def can_wait(self) -> bool:
        """Whether nothing but the `shown` number is recorded."""
        return False

    def be_patient(self, seconds: float) -> None:
        """Set how long each call waits for another program that holds the file."""

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        """Set a damaged file aside, and record everything for a new one.

        The next commit creates the new file. Chat messages and shown changes remain
        only in the old file.

        Returns:
            The result, for people.

        Raises:
            JournalError: If that fails, or if the new file is damaged as well.
        """
        del everything
        return str(why)

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return the last chat messages and shown changes, in order, up to a limit.

        Raises:
            DamagedJournalError: If the file is damaged: see `start_over`.
            JournalError: If they can't be read.
        """
        del limit
        return ()

    @property
    def has_traces(self) -> bool:
        """Whether the file may still contain deleted environments."""
        return False

    def begin_wipe(self) -> Path:
        """Prepare to wipe the file: see `sqlite_file.wipe`.

        The caller may wipe it on another thread, concurrently but before `close`. Data
        deleted after this call needs another wipe.

        Returns:
            The file.
        """
        raise ValueError("there is no file")

    def end_wipe(self, *, done: bool) -> None:
        """Record whether the wipe was done."""

    def close(self, *, clean: bool) -> None:
        """Commit and release the file; `clean` if no process is left running.

        Raises:
            JournalError: If that fails; the file is released nevertheless.
        """
