"""What a script on a shared session hears: the news of the tasks that it added."""

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
    """Lets through the news of tasks that were added here.

    The first news of a task come before the answer that tells its id. So all news that
    may be of such a task are held back until the answers have come.
    """

    def __init__(self) -> None:
        self._adding: set[int | str | None] = set()
        self._own: set[int] = set()
        self._held: list[TaskChanged] = []

    def note_request(self, request: QueueRequest) -> None:
        """Note what is asked of the queue."""
        if isinstance(request, AddTask):
            self._adding.add(request.correlation_id)

    def take_reply(self, reply: QueueReply) -> Iterable[Notification]:
        """Note an answer; return the news that need not be held back any more."""
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
        """Return what of the news is to be heard now."""
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
