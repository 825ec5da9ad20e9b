"""The official client, version 1. Prints JSON. Arguments: the server's command."""

from __future__ import annotations

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(command: list[str]) -> None:
    """Use the server."""
    heard: list[str] = []

    async def progress(done: float, total: float | None, text: str | None) -> None:
        del done, total
        heard.append(text or "")

    server = StdioServerParameters(command=command[0], args=command[1:])
    async with (
        stdio_client(server) as (source, target),
        ClientSession(source, target) as session,
    ):
        started = await session.initialize()
        tools = await session.list_tools()
        soon = await session.call_tool("run", {"command": "echo soon", "wait": 45})
        late = await session.call_tool(
            "run", {"command": "sleep 0.3; echo late; exit 3", "wait": 0}
        )
        wrong = await session.call_tool("run", {})
        waited = await session.call_tool(
            "wait", {"wait": 45}, progress_callback=progress
        )
        report = {
            "version": started.protocolVersion,
            "tools": [it.name for it in tools.tools],
            "soon": soon.structuredContent,
            "late": late.structuredContent,
            "late_is_error": late.isError,
            "wrong_is_error": wrong.isError,
            "waited": waited.structuredContent,
            "polls": 0,
        }
    print(json.dumps(report))


asyncio.run(main(sys.argv[1:]))
