"""The partner's connection to the session, through the queue of its chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ...actors import (
    Notification,
    QueueReply,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TasksForgotten,
    Unsubscribe,
)
from ...actors.runtime.sending import post

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors import DeadLetters, QueueRequest, Recipient, Task
    from .post_loop import PostLoop


class SessionLink:
    """Sends requests, and tracks all tasks. Callbacks run on the loop.

    Args:
        loop: Runs the callbacks.
        queue: Takes the requests.
        dead_letters: Counts undeliverable messages.
        grace: Seconds between SIGTERM and SIGKILL for a canceled task.
        changed: Called with each changed task, and with all tasks at first.
        forgotten: Called when tasks are removed; some ends may not have been reported.
        failed: Called with the reason when the session has ended.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        loop: PostLoop,
        queue: Recipient[QueueRequest],
        dead_letters: DeadLetters,
        *,
        grace: float,
        changed: Callable[[Task], None],
        forgotten: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._queue = queue
        self._dead_letters = dead_letters
        self._changed = changed
        self._forgotten = forgotten
        self._failed = failed
        self._news = _Posting(loop, self._take_news)
        self._awaited: list[Callable[[str | None], None]] = []
        self._ended = ""
        self._ready = False
        self._numbers = 0
        self.tasks: dict[int, Task] = {}
        """All tasks by id, as last reported."""
        self.grace = grace
        """Seconds between SIGTERM and SIGKILL for a canceled task."""

    def open(self) -> None:
        """Subscribe."""
        if not post(self._queue, Subscribe(self._news), self._dead_letters):
            self._end("the session has ended")

    def when_ready(self, then: Callable[[str | None], None]) -> None:
        """Call `then` when all tasks are known: with None, or with an error."""
        if self._ready or self._ended:
            then(self._ended or None)
        else:
            self._awaited.append(then)

    def ask(
        self, request: QueueRequest, answered: Callable[[QueueReply | str], None]
    ) -> int:
        """Send a request; `answered` gets the answer, or the reason for its lack."""
        self._numbers += 1
        changes: dict[str, Any] = {"reply_to": _Posting(self._loop, answered)}
        if not post(self._queue, replace(request, **changes), self._dead_letters):
            text = self._ended or "the session has ended"
            self._loop.post(lambda: answered(text))
        return self._numbers

    def leave(self) -> None:
        """Unsubscribe."""
        post(self._queue, Unsubscribe(self._news), self._dead_letters)

    def _take_news(self, news: Notification) -> None:
        match news:
            case Subscribed(tasks=tasks):
                self.tasks = {it.id: it for it in tasks}
                self._ready = True
                awaited, self._awaited = self._awaited, []
                for then in awaited:
                    then(None)
            case TaskChanged(task=task):
                self.tasks[task.id] = task
                self._changed(task)
            case TasksForgotten(ids=ids):
                for task_id in ids:
                    self.tasks.pop(task_id, None)
                self._forgotten()
            case SystemStopped(reason=reason):
                self._end(f"the session has ended: {reason}")
            case _:
                pass

    def _end(self, text: str) -> None:
        self._ended = text
        awaited, self._awaited = self._awaited, []
        for then in awaited:
            then(text)
        self._failed(text)


class _Posting:
    """Posts its messages to the loop."""

    def __init__(self, loop: PostLoop, take: Callable[[Any], None]) -> None:
        self._loop = loop
        self._take = take

    def tell(self, message: Notification | QueueReply, /) -> None:
        """Receive an answer or a notification. Never blocks."""
        take = self._take
        self._loop.post(lambda: take(message))
