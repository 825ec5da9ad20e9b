"""The messages of the actors, and one union of them per recipient.

Messages are immutable, and the only live object in them is a `Recipient`. A request
with `reply_to` is answered there, after its changes have been written to the journal;
without `reply_to` the answer is the return value of an `ask`. A request that is sent
with `tell` and without `reply_to` gets no answer; its refusal is logged. A
`correlation_id` is returned in the answer unchanged.
"""

from __future__ import annotations

from .base import Message as Message
from .notifications import (
    GroupPaused as GroupPaused,
    JournalTrouble as JournalTrouble,
    MessageSaid as MessageSaid,
    Notification as Notification,
    SchedulesChanged as SchedulesChanged,
    SlotsChanged as SlotsChanged,
    Subscribed as Subscribed,
    SystemStopped as SystemStopped,
    TaskChanged as TaskChanged,
    TaskEvent as TaskEvent,
    TasksForgotten as TasksForgotten,
)
from .replies import (
    Acknowledged as Acknowledged,
    CancelAccepted as CancelAccepted,
    EndsClaimed as EndsClaimed,
    Forgotten as Forgotten,
    NodesFound as NodesFound,
    QueueReply as QueueReply,
    RefusalCode as RefusalCode,
    Refused as Refused,
    RulesFound as RulesFound,
    SchedulesFound as SchedulesFound,
    Slots as Slots,
    TaskAdded as TaskAdded,
    TaskAltered as TaskAltered,
    TaskFound as TaskFound,
    TaskList as TaskList,
    Transcript as Transcript,
)
from .requests import (
    AddSchedule as AddSchedule,
    AddTask as AddTask,
    CancelAll as CancelAll,
    CancelTask as CancelTask,
    EditTask as EditTask,
    ForgetFinished as ForgetFinished,
    GetRules as GetRules,
    GetTask as GetTask,
    HoldTask as HoldTask,
    ListNodes as ListNodes,
    ListSchedules as ListSchedules,
    ListTasks as ListTasks,
    MoveTask as MoveTask,
    PauseQueue as PauseQueue,
    PauseSchedule as PauseSchedule,
    PauseTask as PauseTask,
    QueueRequest as QueueRequest,
    RemoveSchedule as RemoveSchedule,
    ResizeTerminal as ResizeTerminal,
    SendInput as SendInput,
    SetGroup as SetGroup,
    SetSlots as SetSlots,
)
from .subscriptions import (
    ClaimEnds as ClaimEnds,
    GetTranscript as GetTranscript,
    Shown as Shown,
    Subscribe as Subscribe,
    Unsubscribe as Unsubscribe,
    WriteDown as WriteDown,
)
from .to_queue import (
    AwaitShown as AwaitShown,
    ClaimTasks as ClaimTasks,
    CloseQueue as CloseQueue,
    LookAtTimes as LookAtTimes,
    OpenQueue as OpenQueue,
    QueueMessage as QueueMessage,
    RemovalMessage as RemovalMessage,
    RemoveOutput as RemoveOutput,
    Requests as Requests,
    TaskAwaitsInput as TaskAwaitsInput,
    TaskEnded as TaskEnded,
    TaskLeftRunning as TaskLeftRunning,
    TaskProcess as TaskProcess,
    TaskProgressed as TaskProgressed,
    TaskWaits as TaskWaits,
    Wipe as Wipe,
    Wiped as Wiped,
    WipeJournal as WipeJournal,
    WriteAgain as WriteAgain,
)
from .to_runner import (
    Begin as Begin,
    ClaimAgain as ClaimAgain,
    CleanUpTask as CleanUpTask,
    Drain as Drain,
    Drained as Drained,
    JobEnded as JobEnded,
    JobQuiet as JobQuiet,
    Look as Look,
    LookAtLeft as LookAtLeft,
    PauseJob as PauseJob,
    RunnerMessage as RunnerMessage,
    SetPaused as SetPaused,
    StartTask as StartTask,
    Stop as Stop,
    StopTask as StopTask,
    TaskActorMessage as TaskActorMessage,
    TickRunner as TickRunner,
)
