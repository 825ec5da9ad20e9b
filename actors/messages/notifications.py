"""The notifications that the QueueActor sends to its subscribers."""

from __future__ import annotations

import enum

from ..rules.chat_message import ChatMessage
from ..rules.schedules import Schedule
from ..rules.status import TaskStatus
from ..rules.task import Task
from .base import Message


class TaskEvent(enum.StrEnum):
    """The kind of a change of a task.

    `progress` is any change that keeps the status: of its progress, of the reason why
    it waits, or of its background processes. `input` means that the task waits for
    input; it is sent once for each wait.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PROGRESS = "progress"
    INPUT = "input"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"

    is_of_status: bool
    """Whether the task has a new status. Such a change is kept until it was shown."""

    @classmethod
    def of(cls, status: TaskStatus) -> TaskEvent:
        """Return the event of reaching a status."""
        return _OF_STATUS[status]


_OF_STATUS = {status: TaskEvent(status.value) for status in TaskStatus}

for _event in TaskEvent:
    _event.is_of_status = _event in _OF_STATUS.values()


class TaskChanged(Message, frozen=True, gc=False):
    """A task changed; sent to every subscriber in order, exactly once.

    Attributes:
        seq: The number of this change in the session: 1, 2, 3, without gaps.
        event: The kind of the change.
        task: The task after the change.
    """

    seq: int
    event: TaskEvent
    task: Task


class TasksForgotten(Message, frozen=True):
    """Finished tasks left the history; their output files are deleted or about to be.

    A subscriber with `which` gets one without ids after its host died or it was too
    slow: tasks that it waits for may have ended and been forgotten.

    Attributes:
        seq: The number of the last change before this.
        ids: The ids of the forgotten tasks.
    """

    seq: int
    ids: tuple[int, ...]


class Subscribed(Message, frozen=True):
    """The first message to a subscriber: the state; changes after `seq` follow.

    The state is that of the journal. If the journal currently can't be written,
    `JournalTrouble` is the second message.

    Attributes:
        seq: The number of the last change before this.
        tasks: All tasks, sorted by id.
        unshown: The changes that were never shown to a person; only for a subscriber
            with `shows`.
        missed: For a subscriber with `since`, each later change of status that is the
            last one of its task, in order, with the current task.
        schedules: All schedules, sorted by id.
        said: For a subscriber with `said_since`, the chat messages since then that are
            not private, in order.
        slots: How many tasks run at a time.
        paused: The groups that are paused because one of their tasks has failed.
    """

    seq: int
    tasks: tuple[Task, ...]
    unshown: tuple[TaskChanged, ...] = ()
    missed: tuple[TaskChanged, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    said: tuple[ChatMessage, ...] = ()
    slots: int = 0
    paused: tuple[GroupPaused, ...] = ()


class JournalTrouble(Message, frozen=True):
    """The journal can't be written, or can be again.

    In between no task starts or is accepted, and no change is announced or listed.
    Running tasks keep running.

    Attributes:
        text: The problem, in one line; None when it is over.
        replaced: Whether the session was deleted and replaced by another one, so that
            this one can't be opened again.
    """

    text: str | None
    replaced: bool = False


class MessageSaid(Message, frozen=True):
    """A chat message; sent only to subscribers that show changes.

    It is not sent if it is private, nor to the subscriber that shows it already; see
    `WriteDown`.

    Attributes:
        message: The message.
    """

    message: ChatMessage


class SystemStopped(Message, frozen=True):
    """The last message to a subscriber: the task system has stopped or failed.

    Tasks that are queued or running according to the last notification don't change
    until the session is opened again.

    Attributes:
        reason: Why it stopped, in one line.
    """

    reason: str


class SlotsChanged(Message, frozen=True):
    """The number of tasks that run at a time has changed.

    A client has set it, or it was stored with the session.

    Attributes:
        slots: The new number. If more tasks are running, they keep running.
    """

    slots: int


class GroupPaused(Message, frozen=True):
    """A group starts no more tasks, because one of them has failed.

    Attributes:
        group: The name of the group.
        task: The task that has failed.
    """

    group: str
    task: Task


class SchedulesChanged(Message, frozen=True):
    """Schedules were created, changed or removed, or have added a task.

    Attributes:
        schedules: The schedules that changed, as they are now.
        removed: The ids of the schedules that were removed.
    """

    schedules: tuple[Schedule, ...] = ()
    removed: tuple[int, ...] = ()


Notification = (
    TaskChanged
    | SchedulesChanged
    | TasksForgotten
    | Subscribed
    | JournalTrouble
    | MessageSaid
    | SystemStopped
    | SlotsChanged
    | GroupPaused
)
