"""Background tasks as Pykka actors: the public API for embedders."""

from __future__ import annotations

TYPE_CHECKING = False  # importing `typing` would delay the start of a verb
if TYPE_CHECKING:
    from typing import Any

    from .kinds import (
        BashKind as BashKind,
        Closable as Closable,
        FunctionKind as FunctionKind,
        InvalidRequestError as InvalidRequestError,
        Job as Job,
        JobContext as JobContext,
        JobEnd as JobEnd,
        Kind as Kind,
        Kinds as Kinds,
        ProcessJob as ProcessJob,
        ProcessKind as ProcessKind,
        ShortageError as ShortageError,
        SleepKind as SleepKind,
        StartError as StartError,
        installed_kinds as installed_kinds,
    )
    from .messages import (
        Acknowledged as Acknowledged,
        AddSchedule as AddSchedule,
        AddTask as AddTask,
        CancelAccepted as CancelAccepted,
        CancelAll as CancelAll,
        CancelTask as CancelTask,
        ClaimEnds as ClaimEnds,
        EditTask as EditTask,
        EndsClaimed as EndsClaimed,
        ForgetFinished as ForgetFinished,
        Forgotten as Forgotten,
        GetRules as GetRules,
        GetTask as GetTask,
        GetTranscript as GetTranscript,
        GroupPaused as GroupPaused,
        HoldTask as HoldTask,
        JournalTrouble as JournalTrouble,
        ListNodes as ListNodes,
        ListSchedules as ListSchedules,
        ListTasks as ListTasks,
        MessageSaid as MessageSaid,
        MoveTask as MoveTask,
        NodesFound as NodesFound,
        Notification as Notification,
        PauseQueue as PauseQueue,
        PauseSchedule as PauseSchedule,
        PauseTask as PauseTask,
        QueueReply as QueueReply,
        QueueRequest as QueueRequest,
        RefusalCode as RefusalCode,
        Refused as Refused,
        RemoveSchedule as RemoveSchedule,
        ResizeTerminal as ResizeTerminal,
        RulesFound as RulesFound,
        SchedulesChanged as SchedulesChanged,
        SchedulesFound as SchedulesFound,
        SendInput as SendInput,
        SetGroup as SetGroup,
        SetSlots as SetSlots,
        Shown as Shown,
        Slots as Slots,
        SlotsChanged as SlotsChanged,
        Subscribe as Subscribe,
        Subscribed as Subscribed,
        SystemStopped as SystemStopped,
        TaskAdded as TaskAdded,
        TaskAltered as TaskAltered,
        TaskChanged as TaskChanged,
        TaskEvent as TaskEvent,
        TaskFound as TaskFound,
        TaskList as TaskList,
        TasksForgotten as TasksForgotten,
        Transcript as Transcript,
        Unsubscribe as Unsubscribe,
        WriteDown as WriteDown,
    )
    from .processes.exits import ExitWatcher as ExitWatcher
    from .queue_actor import QueueActor as QueueActor
    from .rules.chat_message import ChatMessage as ChatMessage
    from .rules.moment import Moment as Moment
    from .rules.outcome import Outcome as Outcome
    from .rules.request import TaskRequest as TaskRequest
    from .rules.rhythm import CatchUp as CatchUp
    from .rules.schedules import Schedule as Schedule
    from .rules.status import (
        TaskCounts as TaskCounts,
        TaskFilter as TaskFilter,
        TaskStatus as TaskStatus,
    )
    from .rules.task import (
        IllegalTransitionError as IllegalTransitionError,
        Task as Task,
    )
    from .rules.terms import (
        GroupRules as GroupRules,
        QueueRules as QueueRules,
        Terms as Terms,
    )
    from .runner_actor import RunnerActor as RunnerActor
    from .runtime.clock import Alarm as Alarm, Clock as Clock
    from .runtime.promise import Promise as Promise
    from .runtime.safe_actor import SafeActor as SafeActor
    from .runtime.sending import (
        DeadLetters as DeadLetters,
        Recipient as Recipient,
        post as post,
    )
    from .session.errors import (
        RefusedError as RefusedError,
        SessionInUseError as SessionInUseError,
        TaskSystemError as TaskSystemError,
    )
    from .session.futures import TaskFuture as TaskFuture
    from .system import TaskSystem as TaskSystem
    from .task_actor import TaskActor as TaskActor

# The room of each public name. A program loads only the rooms of the names it uses.
# Type checkers read the imports above; a test checks that both lists agree.
_ROOMS = {
    "kinds": """
        BashKind Closable FunctionKind InvalidRequestError Job JobContext JobEnd
        Kind Kinds ProcessJob ProcessKind ShortageError SleepKind StartError
        installed_kinds
    """,
    "messages": """
        Acknowledged AddSchedule AddTask CancelAccepted CancelAll CancelTask
        ClaimEnds EditTask EndsClaimed ForgetFinished Forgotten GetRules GetTask
        GetTranscript GroupPaused HoldTask JournalTrouble ListNodes
        ListSchedules ListTasks MessageSaid MoveTask NodesFound Notification
        PauseQueue PauseSchedule PauseTask QueueReply QueueRequest RefusalCode
        Refused RemoveSchedule ResizeTerminal RulesFound SchedulesChanged
        SchedulesFound SendInput SetGroup SetSlots Shown Slots SlotsChanged
        Subscribe Subscribed SystemStopped TaskAdded TaskAltered TaskChanged
        TaskEvent TaskFound TaskList TasksForgotten Transcript Unsubscribe
        WriteDown
    """,
    "processes.exits": "ExitWatcher",
    "queue_actor": "QueueActor",
    "rules.chat_message": "ChatMessage",
    "rules.moment": "Moment",
    "rules.outcome": "Outcome",
    "rules.request": "TaskRequest",
    "rules.rhythm": "CatchUp",
    "rules.schedules": "Schedule",
    "rules.status": "TaskCounts TaskFilter TaskStatus",
    "rules.task": "IllegalTransitionError Task",
    "rules.terms": "GroupRules QueueRules Terms",
    "runner_actor": "RunnerActor",
    "runtime.clock": "Alarm Clock",
    "runtime.promise": "Promise",
    "runtime.safe_actor": "SafeActor",
    "runtime.sending": "DeadLetters Recipient post",
    "session.errors": "RefusedError SessionInUseError TaskSystemError",
    "session.futures": "TaskFuture",
    "system": "TaskSystem",
    "task_actor": "TaskActor",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of them
    """Return a public name; its first use loads its room."""
    if name == "__all__":
        return sorted(name for names in _ROOMS.values() for name in names.split())
    rooms = (room for room, names in _ROOMS.items() if name in names.split())
    if (room := next(rooms, None)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - `import` loads none of it

    found = globals()[name] = getattr(import_module(f".{room}", __name__), name)
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    names: list[str] = __getattr__("__all__")
    return names
