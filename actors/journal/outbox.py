"""What follows from a batch of messages, and is sent once that is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..messages import (
    CancelAccepted,
    Forgotten,
    QueueReply,
    RulesFound,
    SchedulesFound,
    TaskAdded,
    TaskAltered,
)
from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..runtime.sending import Recipient

Entry: TypeAlias = "tuple[Recipient[Any] | None, Any]"
"""A recipient, and a message for it; without one it is for all subscribers."""


class Outbox:
    """Messages that wait to be sent, in order."""

    def __init__(self) -> None:
        self._entries: list[tuple[Recipient[Any] | None, Any, bool | None]] = []

    def __bool__(self) -> bool:
        """Tell whether one waits."""
        return bool(self._entries)

    def add(
        self,
        recipient: Recipient[Any] | None,
        message: object,
        *,
        tells_change: bool | None = None,
    ) -> None:
        """Let a message wait behind the others.

        Args:
            recipient: Who gets it; None for all who are subscribed when it is sent.
            message: The message.
            tells_change: Whether it tells of what must be written down first; None to
                ask that when something can't be written down.
        """
        self._entries.append((recipient, message, tells_change))

    def take_all(self) -> list[Entry]:
        """Return all messages, which wait no longer."""
        entries, self._entries = self._entries, []
        return [(recipient, message) for recipient, message, _ in entries]

    def take_free(self, tells_change: Callable[[Any], bool]) -> list[Entry]:
        """Return those that tell of no change, which wait no longer.

        Args:
            tells_change: Tells whether a message does of which that was not said.
        """
        entries, self._entries = self._entries, []
        free: list[Entry] = []
        for recipient, message, tells in entries:
            if tells_change(message) if tells is None else tells:
                self._entries.append((recipient, message, tells))
            else:
                free.append((recipient, message))
        return free


def told_by(answer: QueueReply) -> Iterable[tuple[int, TaskStatus | None]]:
    """Return the tasks whose changes an answer confirms, and the statuses it tells.

    None stands for a task that is forgotten, or changed otherwise. Answers that only
    say how things stand tell what is written down anyway.
    """
    match answer:
        case TaskAdded(task=task):
            return ((task.id, task.status),)
        case CancelAccepted(tasks=tasks):
            return ((task.id, task.status) for task in tasks)
        case TaskAltered(task=task):
            return ((task.id, None),)
        case RulesFound() | SchedulesFound():
            return ((0, TaskStatus.QUEUED),)
        case Forgotten(ids=ids):
            return ((task_id, None) for task_id in ids)
        case _:
            return ()
