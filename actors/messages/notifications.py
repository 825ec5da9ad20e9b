"""What the QueueActor tells its subscribers."""

from __future__ import annotations

import enum

from ..rules.chat_message import ChatMessage
from ..rules.schedules import Schedule
from ..rules.status import TaskStatus
from ..rules.task import Task
from .base import Message


class TaskEvent(enum.StrEnum):
    """What happened to a task; `progress` is any change that keeps the status.

    While it runs, of what it has left running, or of how it waits. That it waits for
    input is told as `input`, once for each time.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PROGRESS = "progress"
    INPUT = "input"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELED = "canceled"

    is_of_status: bool
    """Whether the task has reached a status, which is kept until it was shown."""

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
        event: What happened.
        task: The task as it is now.
    """

    seq: int
    event: TaskEvent
    task: Task


class TasksForgotten(Message, frozen=True):
    """Finished tasks left the history; their output files are deleted or about to be.

    A subscriber of some tasks, with `which`, whose host died or that was too slow, gets
    one without ids then: tasks that it waits for may have ended and left.

    Attributes:
        seq: The number of the last change before this.
        ids: The ids of the forgotten tasks.
    """

    seq: int
    ids: tuple[int, ...]


class Subscribed(Message, frozen=True):
    """The first message to a subscriber: the state; changes after `seq` follow.

    All there is means all that is written down. If the journal can't be written just
    now, `JournalTrouble` is the second message.

    Attributes:
        seq: The number of the last change before this.
        tasks: All tasks, by id.
        unshown: The changes that nobody was shown yet, for a subscriber that shows
            them; None for others.
        missed: For a subscriber that named a `since`: the last change of status of each
            task that came after it, in order, with the task as it is now.
        schedules: All schedules, by id.
        said: For a subscriber that named a `said_since`: the last that was said since
            to all that show changes, in order.
    """

    seq: int
    tasks: tuple[Task, ...]
    unshown: tuple[TaskChanged, ...] = ()
    missed: tuple[TaskChanged, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    said: tuple[ChatMessage, ...] = ()


class JournalTrouble(Message, frozen=True):
    """The journal can't be written, or can be again.

    Until it can, no task starts, none is accepted, and no change is announced or seen
    in a list; running tasks go on.

    Attributes:
        text: What is wrong, in one line; None when it is over.
        replaced: Whether the session was deleted and another one has its place, so that
            this one can't be opened again.
    """

    text: str | None
    replaced: bool = False


class MessageSaid(Message, frozen=True):
    """A chat message; sent only to subscribers that show changes.

    But not to the one that shows it already, nor if it is private; see `WriteDown`.

    Attributes:
        message: The message.
    """

    message: ChatMessage


class SystemStopped(Message, frozen=True):
    """The last message to a subscriber: the task system has stopped, in order or not.

    What was queued or running as the subscriber was told last does not change any more
    until the session is opened again.

    Attributes:
        reason: Why, in one line.
    """

    reason: str


class SlotsChanged(Message, frozen=True):
    """The number of tasks that run at a time has changed.

    A client has set it, or it was stored with the session.

    Attributes:
        slots: How many. Tasks that run beyond it go on.
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
