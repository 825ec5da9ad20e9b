"""Requests to the QueueActor about tasks, the queue and schedules."""

from __future__ import annotations

from ..rules.chat_message import ChatMessage
from ..rules.request import TaskRequest
from ..rules.rhythm import CatchUp
from ..rules.status import TaskFilter
from ..runtime.sending import Recipient
from .base import Message
from .replies import QueueReply
from .subscriptions import (
    ClaimEnds,
    GetTranscript,
    Shown,
    Subscribe,
    Unsubscribe,
    WriteDown,
)


class AddTask(Message, frozen=True):
    """Put a task into the queue. Answer: `TaskAdded` or `Refused`.

    Attributes:
        request: The task to add.
        reply_to: The recipient of the answer, which is sent after the task has been
            written to the journal. Without it the answer is the return value of an
            `ask`; a `tell` gets no answer.
        correlation_id: Any value that identifies the answer to the sender.
        unless_queued: Whether to answer with a queued task that runs the same command
            in the same directory, if there is one, instead of adding another task.
        saying: A chat message for the task, such as a question to the user, written in
            the same transaction. The task is refused if no subscriber shows messages.
            The `key` of the request, which is required then, is replaced by the task's
            id in the text.
    """

    request: TaskRequest
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
    unless_queued: bool = False
    saying: ChatMessage | None = None


class GetTask(Message, frozen=True):
    """Get one task. Answer: `TaskFound` or `Refused`.

    Attributes:
        task_id: The id of the task.
        reply_to: See `AddTask`, here and in the other requests.
        correlation_id: See `AddTask`.
    """

    task_id: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ListTasks(Message, frozen=True):
    """List tasks. Answer: `TaskList`.

    Attributes:
        which: The tasks to list, by status.
    """

    which: TaskFilter = TaskFilter.ALL
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CancelTask(Message, frozen=True):
    """Cancel one task. Answer: `CancelAccepted`, or `Refused` if it has finished.

    Attributes:
        task_id: The id of the task.
        reason: Who or what canceled it; it becomes the reason of the canceled task.
        now: Send SIGKILL at once, without SIGTERM and the grace period.
    """

    task_id: int
    reason: str = "canceled"
    now: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class CancelAll(Message, frozen=True):
    """Cancel every task that has not finished. Answer: `CancelAccepted`.

    Attributes:
        reason: Who or what canceled them; it becomes the reason of the tasks.
        now: Kill running tasks at once, without the grace period.
    """

    reason: str = "canceled"
    now: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ForgetFinished(Message, frozen=True):
    """Forget all finished tasks and delete their output. Answer: `Forgotten`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SetSlots(Message, frozen=True):
    """Set how many tasks run at a time. Answer: `Slots`.

    A new number is stored with the session and announced with `SlotsChanged`. If more
    tasks are running, they keep running; no task starts until enough have ended.

    Attributes:
        slots: The number of slots, at least 1; 0 restores the number with which the
            session was opened; None only queries the number.
    """

    slots: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseQueue(Message, frozen=True):
    """Pause the queue or a group, or resume it. Answer: `RulesFound` or `Refused`.

    Running tasks are paused too, as by `PauseTask`. Resuming continues every paused
    task; when the queue is resumed, the tasks of a group that is itself paused stay
    paused.

    Attributes:
        group: The name of the group; None for the whole queue.
        paused: Whether to pause; otherwise resume.
        drain: Whether running tasks keep running; only no new ones start.
    """

    group: str | None = None
    paused: bool = True
    drain: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseTask(Message, frozen=True):
    """Pause a task, or resume it. Answer: `TaskAltered` or `Refused`.

    All processes of a running task are suspended. The task stays Running and keeps its
    slot and resources; its duration and timeout don't advance. A queued task is held,
    as by `HoldTask`.

    Attributes:
        task_id: The id of the task.
        paused: Whether to pause the task; otherwise resume it.
    """

    task_id: int
    paused: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SetGroup(Message, frozen=True):
    """Change the settings of a group. Answer: `RulesFound` or `Refused`.

    Attributes:
        name: The name of the group.
        slots: How many of its tasks run at a time; 0 removes the limit, None keeps the
            current value.
        pause_on_failure: Whether the group starts no more tasks after the last attempt
            of one of its tasks has failed; None keeps the current value.
    """

    name: str
    slots: int | None = None
    pause_on_failure: bool | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ListNodes(Message, frozen=True):
    """List the nodes of an engine. Answer: `NodesFound` or `Refused`.

    The answer comes when the engine has answered or failed to, within a minute.

    Attributes:
        engine: The name of the engine; may be empty if there is only one.
        address: The address of the cluster's head node; empty for the one configured
            for the session.
    """

    engine: str = ""
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
    address: str = ""


class GetRules(Message, frozen=True):
    """Get the settings of the queue. Answer: `RulesFound`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class MoveTask(Message, frozen=True):
    """Move a queued task within the order. Answer: `TaskAltered` or `Refused`.

    Attributes:
        task_id: The id of the task.
        first: Whether to move it before all other tasks of its priority; otherwise
            after them.
        before: The queued task to move it before. It gets the priority of that task,
            and `first` is ignored.
    """

    task_id: int
    first: bool = False
    before: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class HoldTask(Message, frozen=True):
    """Hold a queued task, or release it. Answer: `TaskAltered` or `Refused`.

    Attributes:
        task_id: The id of the task.
        held: Whether to hold the task; otherwise release it.
    """

    task_id: int
    held: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class AddSchedule(Message, frozen=True):
    """Create a schedule. Answer: `SchedulesFound` with it, or `Refused`.

    Each run is a new task. The request must not have a start time or dependencies.

    Attributes:
        request: The request of each run.
        every: An interval such as `15m`, after which the first run starts, or a
            cron expression of five fields such as `*/15 * * * *`.
        zone: The time zone of a cron expression, such as `Europe/Berlin`; empty for the
            time zone of the queue's machine.
        catch_up: What to do about runs that were missed because the session was closed,
            or the queue, the group or the schedule was paused.
        overlap: Whether to add a run while the previous one has not ended; otherwise
            the run is skipped.
    """

    request: TaskRequest
    every: str
    zone: str = ""
    catch_up: CatchUp = CatchUp.ONCE
    overlap: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class RemoveSchedule(Message, frozen=True):
    """Remove a schedule. Answer: `SchedulesFound` with it, or `Refused`.

    The tasks it has added remain.

    Attributes:
        schedule_id: The id of the schedule.
    """

    schedule_id: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseSchedule(Message, frozen=True):
    """Pause or resume a schedule. Answer: `SchedulesFound`, or `Refused`.

    Missed runs are handled according to `AddSchedule.catch_up`.

    Attributes:
        schedule_id: The id of the schedule.
        paused: Whether to pause the schedule; otherwise resume it.
    """

    schedule_id: int
    paused: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ListSchedules(Message, frozen=True):
    """List all schedules. Answer: `SchedulesFound`."""

    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class EditTask(Message, frozen=True):
    """Change the description of a task, or the command of a queued one.

    Answer: `TaskAltered` or `Refused`.

    Attributes:
        task_id: The id of the task.
        description: The new description; None keeps the current one.
        args: The new arguments (for `bash` the command), only for a queued task; None
            keeps the current ones.
    """

    task_id: int
    description: str | None = None
    args: tuple[str, ...] | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SendInput(Message, frozen=True):
    """Send input to a running task. Answer: `Acknowledged` or `Refused`.

    The terms of the task must have `input`. The answer comes when all data is in the
    buffer of the pipe or terminal; the task may not have read it yet. Input is not
    stored.

    Attributes:
        task_id: The id of the task.
        data: At most 65,536 bytes; in JSON as Base64.
        end: Whether to signal the end of input after the data: a pipe is closed, a
            terminal receives Ctrl+D.
    """

    task_id: int
    data: bytes = b""
    end: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ResizeTerminal(Message, frozen=True):
    """Set the size of a running task's terminal. Answer: `Acknowledged` or `Refused`.

    Attributes:
        task_id: The id of the task.
        columns: The width, from 1 to 1000.
        rows: The height, from 1 to 1000.
        if_free: Whether to keep the size if a subscriber shows the terminal to a
            person who can type there.
    """

    task_id: int
    columns: int
    rows: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
    if_free: bool = False


QueueRequest = (
    AddTask
    | SendInput
    | ResizeTerminal
    | EditTask
    | AddSchedule
    | RemoveSchedule
    | PauseSchedule
    | ListSchedules
    | PauseQueue
    | PauseTask
    | SetGroup
    | GetRules
    | ListNodes
    | MoveTask
    | HoldTask
    | Shown
    | ClaimEnds
    | WriteDown
    | GetTranscript
    | GetTask
    | ListTasks
    | CancelTask
    | CancelAll
    | ForgetFinished
    | SetSlots
    | Subscribe
    | Unsubscribe
)
