"""What follows from a batch of messages, and is sent once that is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..messages import (
    Acknowledged,
    CancelAccepted,
    Refused,
    StartTask,
    StopTask,
    TaskChanged,
    TaskFound,
    TaskList,
    Transcript,
)
from ..rules.task import TaskStatus

if TYPE_CHECKING:
    from ..runtime.sending import Recipient

Entry: TypeAlias = "tuple[Recipient[Any], Any]"
"""A recipient, and a message for it."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was taken back of a task.

    Attributes:
        starts: How many times it was to be started.
        seqs: The numbers of its changes.
    """

    starts: int
    seqs: frozenset[int]


class Outbox:
    """Messages that wait to be sent, in order."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __bool__(self) -> bool:
        """Tell whether one waits."""
        return bool(self._entries)

    def add(self, recipient: Recipient[Any], message: object) -> None:
        """Let a message wait behind the others."""
        self._entries.append((recipient, message))

    def take_all(self) -> list[Entry]:
        """Return all messages, which wait no longer."""
        entries, self._entries = self._entries, []
        return entries

    def take_free(self) -> list[Entry]:
        """Return what may be sent before the others are written down.

        Answers that tell of no change may go, and so may orders to stop: a task that
        fills the disk would otherwise never end. A task that has not been sent to the
        runner can't be stopped yet.
        """
        entries = self.take_all()
        unsent = {it.task.id for _, it in entries if isinstance(it, StartTask)}
        free: list[Entry] = []
        for entry in entries:
            message = entry[1]
            if isinstance(message, StopTask):
                goes = message.task_id not in unsent
            else:
                goes = tells_no_change(message)
            (free if goes else self._entries).append(entry)
        return free

    def withdraw(self, task_id: int) -> Withdrawn:
        """Drop what tells of a task, or starts it; return what that was."""
        starts = 0
        seqs: set[int] = set()
        for entry in self.take_all():
            message = entry[1]
            tells = isinstance(message, StartTask | TaskChanged)
            if not tells or message.task.id != task_id:
                self._entries.append(entry)
            elif isinstance(message, StartTask):
                starts += 1
            else:
                seqs.add(message.seq)
        return Withdrawn(starts, frozenset(seqs))


def tells_no_change(message: object) -> bool:
    """Tell whether a message says nothing that must be written down first."""
    match message:
        case CancelAccepted(tasks=tasks):
            return all(task.status is TaskStatus.RUNNING for task in tasks)
        case TaskFound() | TaskList() | Refused() | Transcript() | Acknowledged():
            return True
        case _:
            return False
