"""Messages that result from a batch, sent once the batch is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..messages import (
    CancelAccepted,
    Forgotten,
    QueueReply,
    RulesFound,
    SchedulesFound,
    Slots,
    TaskAdded,
    TaskAltered,
)
from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..runtime.sending import Recipient

Entry: TypeAlias = "tuple[Recipient[Any] | None, Any]"
"""A recipient and a message for it; None stands for all subscribers."""


class Outbox:
    """Messages to be sent, in order."""

    def __init__(self) -> None:
        self._entries: list[tuple[Recipient[Any] | None, Any, bool | None]] = []

    def __bool__(self) -> bool:
        """Return whether any are waiting."""
        return bool(self._entries)

    def add(
        self,
        recipient: Recipient[Any] | None,
        message: object,
        *,
        tells_change: bool | None = None,
    ) -> None:
        """Append a message.

        Args:
            recipient: The recipient; None for all that are subscribed when it is sent.
            message: The message.
            tells_change: Whether it reports a change that must be stored first; None to
                determine that if storing fails.
        """
        self._entries.append((recipient, message, tells_change))

    def take_all(self) -> list[Entry]:
        """Remove and return all messages."""
        entries, self._entries = self._entries, []
        return [(recipient, message) for recipient, message, _ in entries]

    def take_free(self, tells_change: Callable[[Any], bool]) -> list[Entry]:
        """Remove and return the messages that report no change.

        Args:
            tells_change: Returns whether a message reports one, if `add` was given
                None.
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
    """Return the tasks whose changes an answer confirms, with the reported statuses.

    None stands for a task that is forgotten, or changed otherwise. Answers that only
    report the current state report what is stored anyway. Settings and schedules are
    reported as a task 0 that is never stored.
    """
    match answer:
        case TaskAdded(task=task):
            return ((task.id, task.status),)
        case CancelAccepted(tasks=tasks):
            return ((task.id, task.status) for task in tasks)
        case TaskAltered(task=task):
            return ((task.id, None),)
        case RulesFound() | SchedulesFound() | Slots():
            return ((0, TaskStatus.QUEUED),)
        case Forgotten(ids=ids):
            return ((task_id, None) for task_id in ids)
        case _:
            return ()
