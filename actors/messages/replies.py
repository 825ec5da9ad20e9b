"""What the QueueActor answers."""

from __future__ import annotations

import enum

from ..rules.chat_message import ChatMessage
from ..rules.nodes import Node
from ..rules.schedules import Schedule
from ..rules.status import TaskCounts
from ..rules.task import Task
from ..rules.terms import QueueRules
from .base import Message
from .notifications import TaskChanged


class TaskAdded(Message, frozen=True):
    """The task was added, and is in the journal.

    Attributes:
        task: As it is now: Queued, or Running already.
        correlation_id: That of the request, here and in the other answers.
        existed: Whether it was there before, and no other one was added.
    """

    task: Task
    correlation_id: int | str | None = None
    existed: bool = False


class TaskFound(Message, frozen=True):
    """The task as it is now, and the process it runs as, if it has one.

    Attributes:
        task: With its duration up to now, if it runs.
        pid: The id of its first process; None if it does not run, or has no process.
    """

    task: Task
    pid: int | None = None
    correlation_id: int | str | None = None


class TaskList(Message, frozen=True):
    """The tasks asked for, and how many there are in each status.

    Attributes:
        tasks: By id.
        counts: Of all tasks, not only of those asked for.
    """

    tasks: tuple[Task, ...]
    counts: TaskCounts
    correlation_id: int | str | None = None


class CancelAccepted(Message, frozen=True):
    """These tasks are canceled, or will end within the grace period.

    A queued task is Canceled at once. A running one has been told to stop, and its
    last notification says how it ended; it may still complete if it was just ending.

    Attributes:
        tasks: By id, each Canceled, or Running still.
    """

    tasks: tuple[Task, ...]
    correlation_id: int | str | None = None


class Forgotten(Message, frozen=True):
    """Finished tasks were forgotten.

    Attributes:
        ids: The ids of the tasks.
    """

    ids: tuple[int, ...]
    correlation_id: int | str | None = None


class Slots(Message, frozen=True):
    """The number of tasks that run at a time.

    Attributes:
        slots: How many.
    """

    slots: int
    correlation_id: int | str | None = None


class RefusalCode(enum.StrEnum):
    """Why a request was refused, for programs."""

    UNKNOWN = "unknown"
    """There is no such task, or no longer."""
    FINISHED = "finished"
    """The task has finished."""
    INVALID = "invalid"
    """The request makes no sense, now and later."""
    JOURNAL = "journal"
    """The journal can't be read or written at the moment."""
    BUSY = "busy"
    """The task does not read its input just now."""
    CLOSING = "closing"
    """The session is ending, or has ended."""
    FAILED = "failed"
    """Something broke meanwhile; the text says what is known of it."""


class Refused(Message, frozen=True):
    """The request was not carried out, and nothing changed.

    Attributes:
        text: Why, in one line.
        code: The same for programs. With `INVALID` the request itself is at fault,
            otherwise only the state of things stands against it.
    """

    text: str
    code: RefusalCode = RefusalCode.FAILED
    correlation_id: int | str | None = None


class Transcript(Message, frozen=True):
    """Chat messages and changes that were shown, in order.

    Attributes:
        entries: Messages, and the changes of tasks between them; the newest is last.
    """

    entries: tuple[ChatMessage | TaskChanged, ...]
    correlation_id: int | str | None = None


class Acknowledged(Message, frozen=True):
    """The request was carried out; there is no other result."""

    correlation_id: int | str | None = None


class RulesFound(Message, frozen=True):
    """The settings of the queue, as they are in the journal.

    Attributes:
        rules: The settings.
        tasks: The running tasks that were paused by the request, or go on by it.
        unpaused: Those that run on because their kind can't be paused.
    """

    rules: QueueRules
    correlation_id: int | str | None = None
    tasks: tuple[int, ...] = ()
    unpaused: tuple[int, ...] = ()


class NodesFound(Message, frozen=True):
    """The nodes of an engine.

    Attributes:
        engine: Its name.
        nodes: The nodes that are alive.
        problem: Why they are not known, for people; empty if they are.
    """

    engine: str
    nodes: tuple[Node, ...] = ()
    problem: str = ""
    correlation_id: int | str | None = None


class TaskAltered(Message, frozen=True):
    """The task was changed, and the change is in the journal.

    Attributes:
        task: As it is now.
    """

    task: Task
    correlation_id: int | str | None = None


class SchedulesFound(Message, frozen=True):
    """The schedules, as they are in the journal.

    Attributes:
        schedules: Those that were asked for, by id.
    """

    schedules: tuple[Schedule, ...]
    correlation_id: int | str | None = None


class EndsClaimed(Message, frozen=True):
    """Whether the subscriber is the one that notifies a person of ended tasks.

    Attributes:
        seq: The number of the last change that somebody has noticed by now.
        granted: Whether what came after it, up to the change that was claimed, is for
            this subscriber to tell.
    """

    seq: int
    granted: bool
    correlation_id: int | str | None = None


QueueReply = (
    TaskAdded
    | SchedulesFound
    | TaskAltered
    | RulesFound
    | NodesFound
    | TaskFound
    | TaskList
    | CancelAccepted
    | Forgotten
    | Slots
    | Refused
    | Transcript
    | Acknowledged
    | EndsClaimed
)
