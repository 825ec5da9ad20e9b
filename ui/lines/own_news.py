"""Filter notifications for a script in a shared session: only its own tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...actors import (
    AddTask,
    JournalTrouble,
    Notification,
    QueueReply,
    QueueRequest,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TasksForgotten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class OwnNews:
    """Passes only the news of tasks that were added here.

    The first news of a task arrive before the answer with its id. So news that may
    concern a pending task are held back until its answer arrives.
    """

    def __init__(self) -> None:
        self._adding: set[int | str | None] = set()
        self._own: set[int] = set()
        self._held: list[TaskChanged] = []

    def note_request(self, request: QueueRequest) -> None:
        """Record a request to the queue."""
        if isinstance(request, AddTask):
            self._adding.add(request.correlation_id)

    def take_reply(self, reply: QueueReply) -> Iterable[Notification]:
        """Record an answer; return the news that it releases."""
        if reply.correlation_id not in self._adding:
            return ()
        self._adding.discard(reply.correlation_id)
        if isinstance(reply, TaskAdded):
            self._own.add(reply.task.id)
        released = [it for it in self._held if it.task.id in self._own]
        if self._adding:
            self._held = [it for it in self._held if it.task.id not in self._own]
        else:
            self._held.clear()
        return released

    def take(self, news: Notification) -> Iterable[Notification]:
        """Return the news that pass now."""
        match news:
            case Subscribed():
                return (replace(news, tasks=(), unshown=()),)
            case TaskChanged(task=task) if task.id in self._own:
                return (news,)
            case TaskChanged() if self._adding:
                self._held.append(news)
            case TasksForgotten(ids=ids) if own := self._own.intersection(ids):
                return (replace(news, ids=tuple(own)),)
            case JournalTrouble():
                return (news,)
            case _:
                pass
        return ()
