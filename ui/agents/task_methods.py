"""The methods of the MCP extension in which a task answers a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from .jsonrpc import (
    INVALID_PARAMS,
    MISSING_CAPABILITY,
    Json,
    Request,
    RequestId,
    RpcError,
)
from .listeners import META, Listeners

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.rules.task import Task
    from .session import AgentSession

    _Then = Callable[[AgentSession], Json | None]

TASKS: Final = "io.modelcontextprotocol/tasks"
"""The name of the extension."""

_MOST_LISTENED: Final = 1000  # tasks of one subscription


class TaskMethods:
    """Implements the methods of the extension.

    Args:
        listeners: The subscriptions to tasks.
        answer: Answers a request with the result of a function of the session, once the
            host has sent all tasks; sends no answer for None.
    """

    def __init__(
        self, listeners: Listeners, answer: Callable[[Request, _Then], None]
    ) -> None:
        self._listeners = listeners
        self._answer = answer
        self.by_name: dict[str, Callable[[Request], None]] = {
            "tasks/get": self._get_task,
            "tasks/cancel": self._cancel_task,
            "tasks/update": self._update_task,
            "subscriptions/listen": self._listen,
        }

    def _find(self, session: AgentSession, request: Request) -> Task:
        key: object = request.params.get("taskId")
        task = session.find_key(key) if isinstance(key, str) else None
        if task is None:
            text = "there is no such task, or no longer; the tool `list` shows all"
            raise RpcError(INVALID_PARAMS, text)
        return task

    def _get_task(self, request: Request) -> None:
        from .task_view import detailed  # noqa: PLC0415 - not for the first answer

        self._answer(request, lambda it: detailed(self._find(it, request)))

    def _cancel_task(self, request: Request) -> None:
        def cancel(session: AgentSession) -> Json:
            task = self._find(session, request)
            if not task.status.is_final:
                # Answered at once: the task itself reports its end.
                session.call("cancel", {"ids": [task.id]}, lambda _: None)
            return {}

        self._answer(request, cancel)

    def _update_task(self, request: Request) -> None:
        def update(session: AgentSession) -> Json:
            self._find(session, request)
            return {}  # no task requests anything

        self._answer(request, update)

    def _listen(self, request: Request) -> None:
        wanted: object = request.params.get("notifications")
        keys: object = None
        if isinstance(wanted, dict):
            keys = cast("Json", wanted).get("taskIds")
        names = cast("list[Any]", keys) if isinstance(keys, list) else []
        if names and not declares_tasks(request):
            raise undeclared()
        if len(names) > _MOST_LISTENED:
            text = f"a subscription is for {_MOST_LISTENED} tasks at most; use several"
            raise RpcError(INVALID_PARAMS, text)
        if not names:
            # Other resources offered here never change.
            self._listeners.begin(cast("RequestId", request.id), [])
            return

        def listen(session: AgentSession) -> None:
            keys = [it for it in names if isinstance(it, str)]
            tasks = [task for it in keys if (task := session.find_key(it)) is not None]
            request_id = cast("RequestId", request.id)
            self._listeners.begin(request_id, tasks)
            if not tasks:
                self._listeners.end(request_id)

        self._answer(request, listen)


def version_of(request: Request) -> object:
    """Return the version in a request, as clients without a handshake send it."""
    return request.meta.get(f"{META}protocolVersion")


def declares_tasks(request: Request) -> bool:
    """Return whether the client of a request supports the extension."""
    if version_of(request) is None:
        return False
    found: object = request.meta.get(f"{META}clientCapabilities")
    if not isinstance(found, dict):
        return False
    extensions: object = cast("Json", found).get("extensions")
    return isinstance(extensions, dict) and TASKS in extensions


def undeclared() -> RpcError:
    """Return the error for a client that uses the extension without declaring it."""
    data: Json = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
    return RpcError(MISSING_CAPABILITY, f"declare the extension {TASKS}", data)
