"""The client of fastmcp, with its tasks. Prints JSON.

Arguments: the server's command.
"""

from __future__ import annotations

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp_tasks import call_tool_task


async def main(command: list[str]) -> None:
    """Use the server."""
    transport = StdioTransport(command[0], command[1:], keep_alive=False)
    async with Client(transport) as client:
        late = await client.call_tool(
            "run",
            {"command": "sleep 0.3; echo late; exit 3", "wait": 0},
            raise_on_error=False,
        )
        task = await call_tool_task(client, "run", {"command": "sleep 600", "wait": 0})
        before = await task.status()
        await task.cancel()
        while (after := await task.status()).status == "working":
            await asyncio.sleep(0.05)
        report = {
            "late": late.structured_content,
            "late_is_error": late.is_error,
            "before": before.status,
            "after": after.status,
        }
    print(json.dumps(report))


asyncio.run(main(sys.argv[1:]))
