"""Models for third-party agents that answer by a script, on loopback.

Speaks the APIs that Claude Code (Anthropic messages), Codex (OpenAI responses) and
Gemini CLI (Google generateContent) use, as far as those agents need them.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request to a model, in a form common to all APIs.

    Attributes:
        body: The request.
        tools: The names of the available tools; as `namespace name` where
            they have one.
        results: The tools' answers so far, in order.
    """

    body: Json
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def tool(self, name: str) -> str:
        """Return the full name of our tool of this name."""
        ours = re.compile(rf".*backburner(_+| ){name}")
        return next(it for it in self.tools if ours.fullmatch(it))


@dataclass(frozen=True)
class Use:
    """The answer that calls a tool."""

    tool: str
    arguments: Json


Reply = str | Use
"""The answer of a model: a text, or a use of a tool."""


class ScriptedModels:
    """Answers requests that offer tools by `act`, and all others with "ok".

    Args:
        act: Called on the requests' threads, one at a time.
    """

    def __init__(self, act: Callable[[Asked], Reply]) -> None:
        self._act = act
        self._lock = threading.Lock()
        handler = partial(_Handler, self._answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.asked: list[Asked] = []
        """The requests with tools, in order."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address, without the path of an API version."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            if not asked.tools:
                return "ok"
            self.asked.append(asked)
            return self._act(asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, answer: Callable[[Asked], Reply], *more: Any) -> None:  # noqa: ANN401 - as the base has it
        self._answer = answer
        super().__init__(*more)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Log nothing."""

    def do_GET(self) -> None:  # name required by http.server
        self._send("application/json", json.dumps({"data": [], "models": []}).encode())

    def do_HEAD(self) -> None:  # name required by http.server
        self.do_GET()

    def do_POST(self) -> None:  # name required by http.server
        size = int(self.headers.get("Content-Length") or 0)
        body: Json = json.loads(self.rfile.read(size) or b"{}")
        path = self.path.partition("?")[0]
        answer = self._answer
        if path.endswith("/messages"):
            reply = answer(_asked_anthropic(body))
            self._stream(_anthropic(reply))
        elif path.endswith("/responses"):
            self._stream(_openai(answer(_asked_openai(body))))
        elif path.endswith(":streamGenerateContent"):
            self._stream([_google(answer(_asked_google(body)))])
        elif path.endswith(":generateContent"):
            found = _google(answer(_asked_google(body)))
            self._send("application/json", json.dumps(found).encode())
        elif "ount" in path:  # the request counts tokens
            found = {"input_tokens": 9, "totalTokens": 9}
            self._send("application/json", json.dumps(found).encode())
        else:
            self._send("application/json", b"{}")

    def _stream(self, events: list[Json]) -> None:
        data = ""
        for it in events:
            data += f"event: {it['type']}\n" if "type" in it else ""
            data += f"data: {json.dumps(it)}\n\n"
        self._send("text/event-stream", data.encode())

    def _send(self, kind: str, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)


def _text(content: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the text in a content of any depth."""
    match content:
        case str():
            return content
        case list():
            return "\n".join(_text(it) for it in cast("list[Any]", content))
        case {"text": str() as text}:
            return text
        case {"content": _}:
            return _text(cast("Json", content)["content"])
        case _:
            return json.dumps(content)


def _asked_anthropic(body: Json) -> Asked:
    tools = tuple(it["name"] for it in body.get("tools", ()))
    parts = (
        part
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )
    results = (it for it in parts if it.get("type") == "tool_result")
    return Asked(body, tools, tuple(_text(it.get("content")) for it in results))


def _anthropic(reply: Reply) -> list[Json]:
    if isinstance(reply, str):
        block: Json = {"type": "text", "text": ""}
        delta: Json = {"type": "text_delta", "text": reply}
    else:
        block = {"type": "tool_use", "id": "toolu_1", "name": reply.tool, "input": {}}
        block["id"] = f"toolu_{id(reply)}"
        arguments = json.dumps(reply.arguments)
        delta = {"type": "input_json_delta", "partial_json": arguments}
    message: Json = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
    }
    usage = {"input_tokens": 9, "output_tokens": 9}
    message |= {"model": "scripted", "stop_reason": None, "usage": usage}
    reason = "end_turn" if isinstance(reply, str) else "tool_use"
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage},
        {"type": "message_stop"},
    ]


def _names_openai(tools: list[Json]) -> Iterator[str]:
    for it in tools:
        if it["type"] == "namespace":
            yield from (f"{it['name']} {name}" for name in _names_openai(it["tools"]))
        else:
            yield it.get("name") or it["type"]


def _asked_openai(body: Json) -> Asked:
    found = (it for it in body["input"] if it["type"].endswith("_output"))
    results = tuple(_text(it.get("output")) for it in found)
    return Asked(body, tuple(_names_openai(body.get("tools", []))), results)


def _openai(reply: Reply) -> list[Json]:
    item: Json
    if isinstance(reply, str):
        content = [{"type": "output_text", "text": reply}]
        item = {"type": "message", "role": "assistant", "content": content}
    else:
        space, _, name = reply.tool.rpartition(" ")
        item = {"type": "function_call", "call_id": f"call_{id(reply)}", "name": name}
        item["arguments"] = json.dumps(reply.arguments)
        if space:
            item["namespace"] = space
    response: Json = {"id": "resp_1"}
    usage = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}
    return [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.done", "item": {"id": "item_1"} | item},
        {"type": "response.completed", "response": response | {"usage": usage}},
    ]


def _asked_google(body: Json) -> Asked:
    tools = tuple(
        it["name"]
        for group in body.get("tools", ())
        for it in group.get("functionDeclarations", ())
    )
    parts = (part for it in body.get("contents", ()) for part in it["parts"])
    results = (it["functionResponse"] for it in parts if "functionResponse" in it)
    return Asked(body, tools, tuple(_text(it["response"]) for it in results))


def _google(reply: Reply) -> Json:
    part: Json = {"text": reply}
    if isinstance(reply, Use):
        part = {"functionCall": {"name": reply.tool, "args": reply.arguments}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18}
    return {"candidates": [{"index": 0, **candidate}], "usageMetadata": usage}
