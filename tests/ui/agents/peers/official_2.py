"""The official client, version 2, in each of its manners. Prints JSON.

Arguments: `auto`, `legacy` or a version; `tasks` or `plain`; the server's command.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Literal

from mcp.client.client import Client
from mcp.client.extension import ClientExtension, ResultClaim
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, Request, RequestParams, Result
from pydantic import Field


class TaskResult(Result):
    """A call that goes on, as the extension answers it."""

    result_type: Literal["task", "complete"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str
    result: dict[str, Any] | None = None


class Created(TaskResult):
    """The answer of the call itself."""

    result_type: Literal["task"] = Field(alias="resultType")


class GetParams(RequestParams):
    """Those of `tasks/get`."""

    task_id: str = Field(serialization_alias="taskId")


class GetTask(Request[GetParams, Literal["tasks/get"]]):
    """`tasks/get`."""

    method: Literal["tasks/get"] = "tasks/get"
    params: GetParams


class Tasks(ClientExtension):
    """Polls a task until it has ended."""

    identifier = "io.modelcontextprotocol/tasks"
    polls = 0

    def claims(self) -> list[ResultClaim[Any]]:
        """Take the results that are tasks."""
        versions = frozenset({"2026-07-28"})
        return [
            ResultClaim(
                result_type="task",
                model=Created,
                resolve=self.resolve,
                protocol_versions=versions,
            )
        ]

    async def resolve(self, created: Created, context: Any) -> CallToolResult:
        """Return what the task came to."""
        while True:
            self.polls += 1
            request = GetTask(params=GetParams(task_id=created.task_id))
            found = await context.session.send_request(request, TaskResult)
            if found.status != "working":
                return CallToolResult.model_validate(found.result)
            await asyncio.sleep(0.05)


async def main(mode: str, manner: str, command: list[str]) -> None:
    """Use the server."""
    tasks = Tasks()
    server = StdioServerParameters(command=command[0], args=command[1:])
    extensions = [tasks] if manner == "tasks" else None
    async with Client(stdio_client(server), mode=mode, extensions=extensions) as client:
        tools = await client.list_tools()
        soon = await client.call_tool("run", {"command": "echo soon", "wait": 45})
        late = await client.call_tool(
            "run", {"command": "sleep 0.3; echo late; exit 3", "wait": 0}
        )
        wrong = await client.call_tool("run", {})
        waited = await client.call_tool("wait", {"wait": 45})
        report = {
            "version": client.protocol_version,
            "tools": [it.name for it in tools.tools],
            "soon": soon.structured_content,
            "late": late.structured_content,
            "late_is_error": late.is_error,
            "wrong_is_error": wrong.is_error,
            "waited": waited.structured_content,
            "polls": tasks.polls,
        }
    print(json.dumps(report))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
