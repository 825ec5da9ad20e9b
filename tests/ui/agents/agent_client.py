"""An MCP client for the tests."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from patience import PATIENCE
from template import Forked, popen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MODERN: Final = "2026-07-28"
TASKS: Final = "io.modelcontextprotocol/tasks"
META: Final = "io.modelcontextprotocol/"

Json = dict[str, Any]


def modern_meta(*, tasks: bool = True, version: str = MODERN) -> Json:
    """Return the `_meta` of a request without a handshake."""
    extensions: Json = {TASKS: {}} if tasks else {}
    return {
        f"{META}protocolVersion": version,
        f"{META}clientInfo": {"name": "tester", "version": "1"},
        f"{META}clientCapabilities": {"extensions": extensions},
    }


class AgentClient:
    """A server process, and the messages to and from it.

    Args:
        state: Where sessions are kept.
        options: More options of `backburner mcp`.
        program: What Python is to run.
    """

    def __init__(
        self, state: Path, *options: str, program: Sequence[str] = ("-m", "backburner")
    ) -> None:
        command = [sys.executable, *program, "mcp", "--state-dir", str(state)]
        command += options
        self.process: subprocess.Popen[bytes] | Forked = popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.messages: list[Json] = []
        self._ids = 0
        self._ended = False
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and stream is not self.process.stdout:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self) -> int:
        """Close the server's standard input; return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def send(self, method: str, params: Json | None = None) -> int:
        """Send a request; return its id."""
        self._ids += 1
        message = {"jsonrpc": "2.0", "id": self._ids, "method": method}
        self.write(json.dumps(message | {"params": params or {}}).encode() + b"\n")
        return self._ids

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        self.write(json.dumps(message).encode() + b"\n")

    def answer(self, request_id: object) -> Json:
        """Wait for the answer to a request, and return it."""
        return self.wait_for(lambda it: "method" not in it and it["id"] == request_id)

    def told(self, method: str, count: int = 1) -> list[Json]:
        """Return the notifications, once this many have arrived."""
        found: list[Json] = []

        def enough() -> bool:
            found[:] = [it for it in self.messages if it.get("method") == method]
            return len(found) >= count

        with self._more:
            if not self._more.wait_for(enough, PATIENCE):
                raise TimeoutError(f"no {count} {method} in {self.messages[-5:]}")
        return [it["params"] for it in found]

    def wait_for(self, matches: Callable[[Json], bool]) -> Json:
        """Wait for the first message that matches, and return it."""

        found: list[Json] = []

        def is_over() -> bool:
            found[:] = [it for it in self.messages if matches(it)]
            return bool(found) or self._ended

        with self._more:
            self._more.wait_for(is_over, PATIENCE)
        if not found:
            status = self.process.poll() if self._ended else "none yet"
            raise TimeoutError(
                f"no such message in {self.messages[-5:]}; exit status: {status}"
            )
        return found[0]

    def ask(self, method: str, params: Json | None = None) -> Json:
        """Send a request and return its result."""
        answer = self.answer(self.send(method, params))
        assert "result" in answer, answer
        return answer["result"]

    def error(self, method: str, params: Json | None = None) -> Json:
        """Send a request and return its error."""
        answer = self.answer(self.send(method, params))
        assert "error" in answer, answer
        return answer["error"]

    def initialize(self, name: str = "tester", version: str = "2025-11-25") -> Json:
        """Shake hands as clients did before 2026."""
        info = {"name": name, "version": "1"}
        result = self.ask(
            "initialize",
            {"protocolVersion": version, "clientInfo": info, "capabilities": {}},
        )
        self.notify("notifications/initialized", {})
        return result

    def begin(self, tool: str, meta: Json | None = None, **arguments: object) -> int:
        """Call a tool; return the id of the request."""
        params: Json = {"name": tool, "arguments": arguments, "_meta": meta or {}}
        return self.send("tools/call", params)

    def call(self, tool: str, meta: Json | None = None, **arguments: object) -> Json:
        """Call a tool and return the result."""
        return self.ask(
            "tools/call", {"name": tool, "arguments": arguments, "_meta": meta or {}}
        )

    def data(self, tool: str, **arguments: object) -> Json:
        """Call a tool and return its structured content."""
        return self.call(tool, None, **arguments)["structuredContent"]

    def refusal(self, tool: str, **arguments: object) -> str:
        """Call a tool that refuses; return the reason."""
        result = self.call(tool, None, **arguments)
        assert result["isError"], result
        assert "structuredContent" not in result
        return result["content"][0]["text"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            with self._more:
                self.messages.append(message)
                self._more.notify_all()
        self.process.stdout.close()
        with self._more:
            self._ended = True
            self._more.notify_all()


Connect = Callable[..., AgentClient]
