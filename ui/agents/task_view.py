"""A task in the format of the extension `io.modelcontextprotocol/tasks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...actors.rules.status import TaskStatus
from .adding import ended_answer
from .facts import timestamp

if TYPE_CHECKING:
    from ...actors.rules.task import Task
    from .call import Answer
    from .jsonrpc import Json

POLL_INTERVAL: Final = 500
"""Recommended milliseconds between two polls of a task."""

_STATUSES: Final = {
    TaskStatus.QUEUED: "working",
    TaskStatus.RUNNING: "working",
    TaskStatus.COMPLETE: "completed",
    # `failed` is for errors of the protocol; the result reports that it failed.
    TaskStatus.FAILED: "completed",
    TaskStatus.CANCELED: "cancelled",
}


def tool_result(answer: Answer) -> Json:
    """Return an answer as the result of `tools/call`."""
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": answer.text}],
        "isError": answer.is_error,
    }
    if answer.result is not None:
        result["structuredContent"] = answer.result
    return result


def created(task: Task) -> Json:
    """Return the answer of `tools/call` for a task that keeps running."""
    return {"resultType": "task", **_stub(task)}


def detailed(task: Task) -> Json:
    """Return all fields of a task, with its result if it has ended."""
    found = _stub(task)
    if found["status"] == "completed":
        found["result"] = {"resultType": "complete", **tool_result(ended_answer(task))}
    return found


def _stub(task: Task) -> Json:
    last = task.ended_at or task.started_at or task.queued_at
    progress = "" if task.progress is None else f", {task.progress} %"
    return {
        "taskId": task.key,
        "status": _STATUSES[task.status],
        "statusMessage": f"#{task.id} {task.status.value}: {task.reason}{progress}",
        "createdAt": timestamp(task.queued_at),
        "lastUpdatedAt": timestamp(last),
        "ttlMs": None,
        "pollIntervalMs": POLL_INTERVAL,
    }
