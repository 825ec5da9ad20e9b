"""Hearing how tasks end, for verbs that wait."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Self

from ...actors import (
    Notification,
    Subscribed,
    SystemStopped,
    Task,
    TaskChanged,
    TaskSystemError,
    Unsubscribe,
)
from ...actors.runtime.sending import post

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...actors.host.remote import RemoteSystem


class TaskEnds:
    """A subscriber that knows which tasks have ended, while its `with` block runs.

    Args:
        system: Started.
    """

    def __init__(self, system: RemoteSystem) -> None:
        self._system = system
        self._ended: dict[int, Task] = {}
        self._stopped: str | None = None
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._system.subscribe(self)
        return self

    def __exit__(self, *_: object) -> None:
        post(self._system.queue, Unsubscribe(self), self._system.dead_letters)

    def tell(self, news: Notification, /) -> None:
        """Take what the queue tells everybody. Never blocks."""
        with self._changed:
            match news:
                case Subscribed(tasks=tasks):
                    self._ended |= {t.id: t for t in tasks if t.status.is_final}
                case TaskChanged(task=task) if task.status.is_final:
                    self._ended[task.id] = task
                case SystemStopped(reason=reason):
                    self._stopped = reason
                case _:
                    return
            self._changed.notify_all()

    def wait(self, ids: Collection[int], timeout: float) -> tuple[Task, ...]:
        """Return those of the tasks that have ended; block until one has.

        Args:
            ids: Which tasks.
            timeout: Seconds after which none is returned; may be infinite.

        Raises:
            TaskSystemError: If the session has ended meanwhile.
        """

        def known() -> bool:
            return self._stopped is not None or not self._ended.keys().isdisjoint(ids)

        with self._changed:
            self._changed.wait_for(known, None if timeout == math.inf else timeout)
            ended = tuple(self._ended[it] for it in ids if it in self._ended)
            if not ended and self._stopped is not None:
                raise TaskSystemError(f"the session has ended: {self._stopped}")
            return ended
