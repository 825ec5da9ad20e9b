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
        reply_to: Told the answer, when what it says has been written down. Without it
            the answer is the return value of an `ask`; with a `tell` there is none.
        correlation_id: Anything that tells the sender which answer this is.
        unless_queued: Whether to answer with a queued task that does the same in the
            same directory, if there is one, instead of adding another.
        saying: Said with it, such as a question to the person; written down together
            with the task, which is refused if nobody shows it. In its text the `key` of
            the request, which must have one, stands for the id of the task.
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
        correlation_id: The same.
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
        now: Kill at once instead of asking first and killing after the grace period.
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
        now: Kill running ones at once, without the grace period.
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
    """Set how many tasks run at a time. Answer: `Slots`; `SlotsChanged` if it is new.

    It is remembered with the session. With fewer than run, none is ended, and none
    starts before enough have ended.

    Attributes:
        slots: How many, at least 1; 0 for as many as the session was opened with;
            none to ask how many there are.
    """

    slots: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseQueue(Message, frozen=True):
    """Pause the queue or a group, or continue it. Answer: `RulesFound` or `Refused`.

    Running tasks are paused too, as by `PauseTask`, and go on with the others: all that
    are paused, but for those whose group is paused itself when everything is resumed.

    Attributes:
        group: Of which group; `None` for all.
        paused: Whether to start nothing, or to start tasks again.
        drain: Whether the tasks that run go on, so that in the end nothing runs.
    """

    group: str | None = None
    paused: bool = True
    drain: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseTask(Message, frozen=True):
    """Pause a task, or continue it. Answer: `TaskAltered` or `Refused`.

    The processes of a running one are stopped, all of them; it stays Running, keeps its
    slot and its resources, and its duration and its timeout stand still. One that waits
    is held, as by `HoldTask`.

    Attributes:
        task_id: The id of the task.
        paused: Whether to pause it; otherwise it continues.
    """

    task_id: int
    paused: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SetGroup(Message, frozen=True):
    """Change the settings of a group. Answer: `RulesFound` or `Refused`.

    Attributes:
        name: The name of the group.
        slots: How many run at a time; 0 for as many as there are slots, `None` to leave
            that as it is.
        pause_on_failure: Whether it starts no more when one of its tasks fails, after
            its last attempt; `None` to leave that as it is.
    """

    name: str
    slots: int | None = None
    pause_on_failure: bool | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class ListNodes(Message, frozen=True):
    """List the nodes of an engine. Answer: `NodesFound` or `Refused`.

    The answer comes when the engine has been reached, or has not: in up to a minute.

    Attributes:
        engine: Which; empty if there is only one.
        address: Where the head of the cluster is; empty for what the session says.
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
        first: Whether before all others of its priority, or behind them.
        before: Another queued task before which it is put, if any; it gets the priority
            of that one, and `first` counts for nothing.
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
        held: Whether to hold it; otherwise it is released.
    """

    task_id: int
    held: bool = True
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class AddSchedule(Message, frozen=True):
    """Create a schedule. Answer: `SchedulesFound` with it, or `Refused`.

    Each run is a task of its own. It may not wait for a time or for other tasks.

    Attributes:
        request: The request of each run.
        every: When: a duration such as `15m`, from now on, or a cron expression of five
            fields such as `*/15 * * * *`.
        zone: The name of the time zone in which a cron expression is meant, such as
            `Europe/Berlin`; empty for that of the queue's machine.
        catch_up: What becomes of runs whose time came while nothing was there to add
            them, or while everything, the group or the schedule was paused.
        overlap: Whether a run is added although the one before has not ended. Else it
            is left out.
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

    Tasks that it has added stay.

    Attributes:
        schedule_id: The id of the schedule.
    """

    schedule_id: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class PauseSchedule(Message, frozen=True):
    """Pause or continue a schedule. Answer: `SchedulesFound`, or `Refused`.

    Missed runs are handled as its `catch_up` says.

    Attributes:
        schedule_id: The id of the schedule.
        paused: Whether to pause it; otherwise it continues.
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
        description: Its new description; `None` for what it is called now.
        args: Its new arguments, for `bash` the command; `None` for what it was
            told. Only while it is queued.
    """

    task_id: int
    description: str | None = None
    args: tuple[str, ...] | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class SendInput(Message, frozen=True):
    """Send input to a running task. Answer: `Acknowledged` or `Refused`.

    The terms of the task must have `input`. The answer comes when its input has taken
    all of it, which waits there until the task reads it. Input is not stored.

    Attributes:
        task_id: The id of the task.
        data: What, at most 65,536 bytes; in JSON as Base64.
        end: Whether the task reads the end of its input after that: a pipe takes no
            more then, and a terminal is told what Ctrl+D means there.
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
        columns: Its width, from 1 to 1000.
        rows: Its height, the same.
        if_free: Whether to leave the size as it is while it is shown to somebody who
            has the keys.
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
