"""An agent that speaks ACP, and does what the first word of a message says.

    python scripted_agent.py [MANNER]

It keeps its sessions in its home. `notes` there has a line for each thing it did.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

TOLD: Final = "[This comes from backburner"
HOME: Final = Path(os.environ["HOME"])
MANNER: Final = sys.argv[1] if len(sys.argv) > 1 else ""
_VERSIONS: Final = {"newer": 2, "texted": "1"}

_lock = threading.Lock()
_canceled = threading.Event()
_answers: dict[int, Json] = {}
_came = threading.Condition()
_servers: dict[str, Server] = {}


class Server:
    """An MCP server that the agent has started."""

    def __init__(self, given: Json) -> None:
        self.process = subprocess.Popen(
            [given["command"], *given["args"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        note("server", self.process.pid)
        self._ids = 0
        info = {"name": "scripted", "version": "1"}
        self.ask(
            "initialize",
            {"protocolVersion": "2025-11-25", "clientInfo": info, "capabilities": {}},
        )

    def ask(self, method: str, params: Json) -> Json:
        """Send a request and wait for its result."""
        self._ids += 1
        message = {"jsonrpc": "2.0", "id": self._ids, "method": method}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(message | {"params": params}).encode())
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._ids:
                return answer["result"]
        return {"content": [{"text": "the server is gone"}]}

    def run(self, command: str, **more: object) -> str:
        """Run a command, and return the tool's answer."""
        arguments = {"command": command, **more}
        result = self.ask("tools/call", {"name": "run", "arguments": arguments})
        return result["content"][0]["text"]


def note(topic: str, value: object) -> None:
    """Record an event."""
    with (HOME / "notes").open("a") as file:
        file.write(json.dumps([topic, value]) + "\n")


def send(message: Json) -> None:
    """Send a message."""
    with _lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def update(session: str, kind: str, **more: object) -> None:
    """Send an update of a session."""
    params = {"sessionId": session, "update": {"sessionUpdate": kind, **more}}
    send({"method": "session/update", "params": params})


def chunk(session: str, text: str, kind: str = "agent_message") -> None:
    """Send a piece of text."""
    update(session, f"{kind}_chunk", content={"type": "text", "text": text})


def ask(method: str, params: Json) -> Json:
    """Send a request to the client, and return its answer."""
    number = time.monotonic_ns()
    send({"id": number, "method": method, "params": params})
    with _came:
        _came.wait_for(lambda: number in _answers)
        return _answers.pop(number)


def said(session: str) -> list[list[str]]:
    """Return the messages of a session with their senders."""
    path = HOME / f"{session}.jsonl"
    return [json.loads(it) for it in path.read_text().splitlines()]


def keep(session: str, sender: str, text: str) -> None:
    """Store a message."""
    with (HOME / f"{session}.jsonl").open("a") as file:
        file.write(json.dumps([sender, text]) + "\n")


def on_news(text: str) -> str:
    """Return the answer to a notification of the partner."""
    return "woken" if "These tasks have ended" in text else "goes on"


def act(session: str, text: str) -> str:
    """Act on a message; return the reason for the end of the turn."""
    word, _, rest = text.partition(" ")
    match word:
        case "run" | "start":
            wait = 0 if word == "start" else 45
            update(session, "tool_call", toolCallId="1", title="backburner_run")
            rest = _servers[session].run(rest, wait=wait)
            note("result", rest)
            update(session, "tool_call_update", toolCallId="1", status="completed")
        case "hang":
            chunk(session, "I will never")
            _canceled.wait()
            _canceled.clear()
            chunk(session, " late")
            return "cancelled"
        case "stubborn":
            time.sleep(600)
        case "crash":
            if rest != "once" or not (HOME / "crashed").exists():
                (HOME / "crashed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            rest = "here again"
        case "think":
            chunk(session, "hm", "agent_thought")
        case "ask":
            method, _, given = rest.partition(" ")
            answer = ask(method, {"sessionId": session, **json.loads(given or "{}")})
            rest = json.dumps(answer.get("result", answer.get("error")))
        case "print":
            with _lock:
                sys.stdout.write(f"{rest}\n")
        case "flood":
            while True:
                chunk(session, "x" * 60_000)
        case "spam":
            while True:
                update("nobody", "plan", entries=["x" * 60_000])
        case "half":
            rest = "half of an emoji: \ud83d"
        case "child":
            child = subprocess.Popen(["sleep", "600"], start_new_session=True)
            note("child", child.pid)
        case "count":
            rest = str(sum(sender == "user" for sender, _ in said(session)))
        case "long":
            for number in range(200):
                chunk(session, f"{number} ")
        case _:
            rest = on_news(text) if text.startswith(TOLD) else rest
    chunk(session, rest or "ok")
    keep(session, "agent", rest)
    return "end_turn"


def say_nothing(session: str, text: str) -> str:
    """Give an empty answer, perhaps after the use of a tool."""
    if text == "nothing after a tool":
        update(session, "tool_call", toolCallId="1", title="a tool")
    return "end_turn"


def prompt(number: int, params: Json) -> None:
    """Answer a prompt."""
    session = params["sessionId"]
    texts = [it["text"] for it in params["prompt"]]
    for text in texts:
        keep(session, "user", text)
        note("prompt", text)
    acts = say_nothing if texts[-1].startswith("nothing") else act
    reason = acts(session, texts[-1])
    send({"id": number, "result": {"stopReason": reason}})


def open_session(session: str, params: Json) -> None:
    """Enter a session."""
    if MANNER != "toolless":
        _servers[session] = Server(params["mcpServers"][0])


def take(message: Json) -> None:
    """Handle a message of the client."""
    method, number = message.get("method"), message.get("id", 0)
    params: Json = message.get("params") or {}
    match method:
        case "initialize":
            if MANNER == "mute":
                return
            capabilities = {"loadSession": MANNER != "forgetful"}
            version = _VERSIONS.get(MANNER, params["protocolVersion"])
            result: Json = {
                "protocolVersion": version,
                "agentCapabilities": capabilities,
            }
        case "session/new":
            if MANNER == "locked":
                error = {"code": -32000, "message": "no login"}
                send({"id": number, "error": error})
                return
            session = f"s{time.monotonic_ns()}"
            (HOME / f"{session}.jsonl").touch()
            open_session(session, params)
            result = {"sessionId": session}
        case "session/load":
            for sender, text in said(params["sessionId"]):
                kind = "user_message" if sender == "user" else "agent_message"
                chunk(params["sessionId"], text, kind)
            open_session(params["sessionId"], params)
            result = {}
        case "session/prompt":
            threading.Thread(target=prompt, args=(number, params), daemon=True).start()
            return
        case "session/cancel":
            _canceled.set()
            return
        case None:
            with _came:
                _answers[number] = message
                _came.notify_all()
            return
        case _:
            return
    send({"id": number, "result": result})


def main() -> None:
    """Speak ACP until the end of the input."""
    note("start", os.getpid())
    if MANNER == "broken":
        sys.exit("no model is configured")
    if MANNER == "chatty":
        while True:
            sys.stdout.write("Welcome!\n")
            sys.stdout.flush()
    for line in sys.stdin:
        take(json.loads(line))


if __name__ == "__main__":
    main()
