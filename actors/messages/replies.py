"""The answers of the QueueActor."""

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
        task: The task, Queued or already Running.
        correlation_id: That of the request, here and in the other answers.
        existed: Whether a queued task was returned instead of adding one; see
            `AddTask.unless_queued`.
    """

    task: Task
    correlation_id: int | str | None = None
    existed: bool = False


class TaskFound(Message, frozen=True):
    """The current state of a task, and its process.

    Attributes:
        task: The task; while it runs, with its duration so far.
        pid: The id of its first process; None if the task isn't running or has no
            process.
    """

    task: Task
    pid: int | None = None
    correlation_id: int | str | None = None


class TaskList(Message, frozen=True):
    """The requested tasks, and the number of tasks in each status.

    Attributes:
        tasks: The requested tasks, sorted by id.
        counts: Of all tasks, not only of the requested ones.
    """

    tasks: tuple[Task, ...]
    counts: TaskCounts
    correlation_id: int | str | None = None


class CancelAccepted(Message, frozen=True):
    """These tasks are canceled, or will end within the grace period.

    A queued task is Canceled at once. A running one is being stopped, and its final
    notification states the outcome; it may still complete if it was about to end.

    Attributes:
        tasks: The tasks, Canceled or still Running, sorted by id.
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
        slots: The number.
    """

    slots: int
    correlation_id: int | str | None = None


class RefusalCode(enum.StrEnum):
    """The reason of a refusal, for programs."""

    UNKNOWN = "unknown"
    """The task doesn't exist, or no longer exists."""
    FINISHED = "finished"
    """The task has finished."""
    INVALID = "invalid"
    """The request itself is invalid; a retry can't succeed."""
    JOURNAL = "journal"
    """The journal currently can't be read or written."""
    BUSY = "busy"
    """The task isn't reading its input, or another client uses its terminal."""
    CLOSING = "closing"
    """The session is ending, or has ended."""
    FAILED = "failed"
    """An internal failure, described in the text."""


class Refused(Message, frozen=True):
    """The request was not carried out, and nothing changed.

    Attributes:
        text: The reason, in one line.
        code: The reason, for programs.
    """

    text: str
    code: RefusalCode = RefusalCode.FAILED
    correlation_id: int | str | None = None


class Transcript(Message, frozen=True):
    """The chat messages and changes that were shown.

    Attributes:
        entries: Messages and changes of tasks in the order shown; the newest is last.
    """

    entries: tuple[ChatMessage | TaskChanged, ...]
    correlation_id: int | str | None = None


class Acknowledged(Message, frozen=True):
    """The request was carried out."""

    correlation_id: int | str | None = None


class RulesFound(Message, frozen=True):
    """The settings of the queue, as they are in the journal.

    Attributes:
        rules: The settings.
        tasks: The running tasks that the request paused or resumed.
        unpaused: The running tasks whose kind doesn't support pausing.
    """

    rules: QueueRules
    correlation_id: int | str | None = None
    tasks: tuple[int, ...] = ()
    unpaused: tuple[int, ...] = ()


class NodesFound(Message, frozen=True):
    """The nodes of an engine.

    Attributes:
        engine: The name of the engine.
        nodes: The nodes that are alive.
        problem: Why the nodes are unknown, for people; empty if they are known.
    """

    engine: str
    nodes: tuple[Node, ...] = ()
    problem: str = ""
    correlation_id: int | str | None = None


class TaskAltered(Message, frozen=True):
    """The task was changed, and the change is in the journal.

    Attributes:
        task: The changed task.
    """

    task: Task
    correlation_id: int | str | None = None


class SchedulesFound(Message, frozen=True):
    """The schedules, as they are in the journal.

    Attributes:
        schedules: The requested schedules, sorted by id.
    """

    schedules: tuple[Schedule, ...]
    correlation_id: int | str | None = None


class EndsClaimed(Message, frozen=True):
    """The answer to a claim to notify a person of ended tasks.

    Attributes:
        seq: The number of the last change that a person has noticed.
        granted: Whether this subscriber notifies the person of the changes after
            `seq`, up to the claimed one.
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
