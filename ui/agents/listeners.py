"""The requests of an MCP client that subscribe to tasks until these have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .jsonrpc import Json, RequestId, notification_line, result_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors.rules.task import Task
    from .wire_lines import ClientStream

META: Final = "io.modelcontextprotocol/"
"""The prefix of the protocol's own metadata."""


class _Listener:
    __slots__ = ("keys", "told")

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = dict.fromkeys(keys)
        self.told: dict[str, str] = {}


class Listeners:
    """Notifies each listener of its tasks."""

    def __init__(self, stream: ClientStream, info: Json) -> None:
        self._stream = stream
        self._info = info
        self._all: dict[RequestId, _Listener] = {}

    def __contains__(self, request_id: object) -> bool:
        return request_id in self._all

    def begin(self, request_id: RequestId, tasks: list[Task]) -> None:
        """Start notifications of these tasks, beginning with their current state."""
        keys = [it.key for it in tasks]
        self._all[request_id] = _Listener(keys)
        params: Json = {
            "_meta": {f"{META}subscriptionId": request_id},
            "notifications": {"taskIds": keys} if keys else {},
        }
        method = "notifications/subscriptions/acknowledged"
        self._stream.write(notification_line(method, params))
        for task in tasks:
            self.tell(task)

    def tell(self, task: Task) -> None:
        """Notify the listeners of a task, unless they know its state."""
        if not self._all:
            return
        from .task_view import detailed  # noqa: PLC0415 - not for the first answer

        state = f"{task.status} {task.progress}"
        for request_id, it in [*self._all.items()]:
            if task.key not in it.keys or it.told.get(task.key) == state:
                continue
            if self._stream.is_behind and not task.status.is_final:
                continue
            it.told[task.key] = state
            meta = {"_meta": {f"{META}subscriptionId": request_id}}
            line = notification_line("notifications/tasks", meta | detailed(task))
            self._stream.write(line)
            if task.status.is_final:
                del it.keys[task.key]
                if not it.keys:
                    self.end(request_id)

    def keep_only(self, tasks: Iterable[Task]) -> None:
        """Stop waiting for all other tasks: they have ended, with unknown outcomes."""
        if not self._all:
            return
        known = {it.key for it in tasks}
        for request_id, it in [*self._all.items()]:
            gone = it.keys.keys() - known
            for key in gone:
                del it.keys[key]
            if gone and not it.keys:
                self.end(request_id)

    def end(self, request_id: RequestId) -> None:
        """Answer the request: all notifications were sent."""
        if self._all.pop(request_id, None) is None:
            return
        meta = {f"{META}subscriptionId": request_id, f"{META}serverInfo": self._info}
        result: Json = {"resultType": "complete", "_meta": meta}
        self._stream.write(result_line(request_id, result))

    def end_all(self, *, of_tasks: bool = False) -> None:
        """Answer all requests, or those with tasks."""
        for request_id, it in [*self._all.items()]:
            if it.keys or not of_tasks:
                self.end(request_id)

    def forget(self, request_id: RequestId) -> None:
        """Stop notifications for a request that its client has canceled."""
        self._all.pop(request_id, None)
