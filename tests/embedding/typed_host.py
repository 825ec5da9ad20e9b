"""Code of an embedder for type checkers; it is never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, assert_type

from backburner.actors import (
    ChatMessage,
    GroupPaused,
    JournalTrouble,
    Kind,
    MessageSaid,
    Notification,
    Promise,
    QueueReply,
    Recipient,
    Schedule,
    SchedulesChanged,
    SleepKind,
    SlotsChanged,
    Subscribe,
    Subscribed,
    SystemStopped,
    Task,
    TaskChanged,
    TasksForgotten,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import FakeKind, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable


def of_the_face(tasks: TaskSystem) -> None:
    task = tasks.add("Build", "bash", "make")
    assert_type(task, Task)
    assert_type(tasks.wait(task.id, timeout=1), tuple[Task, ...])
    assert_type(task.status, TaskStatus)
    assert_type(task.exit_code, int | None)


def of_notifications(message: Notification) -> int:
    match message:
        case TaskChanged(seq=seq, task=task):
            assert_type(task, Task)
            return seq
        case Subscribed(tasks=tasks):
            assert_type(tasks, tuple[Task, ...])
            return len(tasks)
        case TasksForgotten(ids=ids):
            assert_type(ids, tuple[int, ...])
            return len(ids)
        case JournalTrouble(text=text):
            assert_type(text, str | None)
            return 0
        case MessageSaid(message=said):
            assert_type(said, ChatMessage)
            return 0
        case SystemStopped(reason=reason):
            assert_type(reason, str)
            return 0
        case SlotsChanged(slots=slots):
            assert_type(slots, int)
            return slots
        case GroupPaused(group=group, task=failed):
            assert_type(group, str)
            assert_type(failed, Task)
            return failed.id
        case SchedulesChanged(schedules=schedules):
            assert_type(schedules, tuple[Schedule, ...])
            return len(schedules)
        case _:
            assert_never(message)


def of_recipients() -> None:
    promise: Promise[Notification | QueueReply] = Promise()
    recipient: Recipient[Notification] = promise
    Subscribe(recipient, reply_to=promise)
    recorder: Recorder[Notification] = Recorder()
    Subscribe(recorder)
    assert_type(recorder.wait_for(TaskChanged), TaskChanged)


def of_kinds() -> None:
    kinds: Iterable[Kind] = [SleepKind(), FakeKind()]
    TaskSystem(kinds=kinds)
