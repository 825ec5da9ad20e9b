"""A model that answers by a script: an OpenAI-compatible endpoint on loopback.

As a program it is the model for the pictures and for manual trials:

    python tests/helpers/scripted_endpoint.py
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from patience import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Self

Json = dict[str, Any]

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
)


class Exchange:
    """One request and its answer.

    Args:
        sock: The connected socket.
        head: The lines of the request before its body.
        body: The parsed body.
    """

    def __init__(self, sock: socket.socket, head: str, body: Json) -> None:
        self._sock = sock
        self.head = head
        self.body = body

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._sock.sendall(data)

    def event(self, chunk: Json | str) -> None:
        """Send one event."""
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        self.send(f"data: {data}\n\n".encode())

    def delta(self, finish: str | None = None, **delta: Any) -> None:  # noqa: ANN401 - JSON
        """Send one piece of an answer."""
        self.event({"choices": [{"delta": delta, "finish_reason": finish}]})

    def await_hang_up(self) -> None:
        """Wait until the other end has closed the connection."""
        with contextlib.suppress(OSError):
            while self._sock.recv(1 << 16):
                pass


def says(*pieces: str, thinks: str = "") -> Callable[[Exchange], None]:
    """Reply with text in these pieces."""

    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD)
        if thinks:
            exchange.delta(reasoning_content=thinks)
        for piece in pieces:
            exchange.delta(content=piece)
        exchange.delta("stop")
        exchange.event("[DONE]")

    return reply


def calls(
    *wanted: tuple[str, Json | str], text: str = ""
) -> Callable[[Exchange], None]:
    """Reply with tool calls; arguments that are text are sent unchanged."""

    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD)
        if text:
            exchange.delta(content=text)
        for index, (name, given) in enumerate(wanted):
            arguments = given if isinstance(given, str) else json.dumps(given)
            call_id = f"call-{id(exchange)}-{index}"
            function = {"name": name, "arguments": ""}
            call: Json = {"index": index, "id": call_id, "function": function}
            exchange.delta(tool_calls=[call])
            for at in range(0, len(arguments), 7):
                part = {"arguments": arguments[at : at + 7]}
                exchange.delta(tool_calls=[{"index": index, "function": part}])
        exchange.delta("tool_calls")
        exchange.event("[DONE]")

    return reply


def raw(*parts: bytes) -> Callable[[Exchange], None]:
    """Reply with these bytes, and close the connection."""

    def reply(exchange: Exchange) -> None:
        for part in parts:
            exchange.send(part)

    return reply


class ScriptedEndpoint:
    """Answers each request with the next reply of its script.

    Args:
        replies: The script; after it every answer is "ok".
        tls: The context for https, if any.
    """

    def __init__(
        self, *replies: Callable[[Exchange], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._script = [*replies]
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self._came = threading.Condition()
        self.exchanges: list[Exchange] = []
        """The requests, in order."""

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing the socket would not wake the thread that waits for it.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    @property
    def url(self) -> str:
        """The address of the endpoint."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.getsockname()[1]}/v1"

    def add(self, *replies: Callable[[Exchange], None]) -> None:
        """Add replies to the script."""
        with self._came:
            self._script += replies

    def wait_for(self, count: int) -> Json:
        """Wait for so many requests; return the body of the last one."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.exchanges) >= count, PATIENCE)
        return self.exchanges[count - 1].body

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        if self._tls is not None:
            sock = self._tls.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            )
        with sock, contextlib.suppress(OSError):
            file = sock.makefile("rb")
            head = b""
            while (line := file.readline()).strip():
                head += line
            text = head.decode()
            lines = text.lower().splitlines()
            sizes = [it for it in lines if it.startswith("content-length:")]
            size = int(sizes[0].partition(":")[2]) if sizes else 0
            body = file.read(size)
            if not text or len(body) < size:
                return  # stopped before the request
            exchange = Exchange(sock, text, json.loads(body or "{}"))
            with self._came:
                self._came.notify_all()
                self.exchanges.append(exchange)
                reply = self._script.pop(0) if self._script else says("ok")
            reply(exchange)


def roles(body: Json) -> list[str]:
    """Return the roles in a request: `system`, `user`, `assistant`, `tool`."""
    return [it["role"] for it in body["messages"]]


def last(body: Json) -> str:
    """Return the last message of a request."""
    return body["messages"][-1]["content"]


# As a program


def _act(exchange: Exchange) -> None:
    """Play a model that runs the tests, inspects a failure, and runs them again."""
    text = last(exchange.body) or ""
    turn = sum(it["role"] == "user" for it in exchange.body["messages"])
    if "long" in text:
        _stream(exchange, _LONG)
    elif "wait" in text:
        exchange.send(HEAD)
        exchange.delta(reasoning_content="How long is that?")
        exchange.await_hang_up()
    elif "test" in text and roles(exchange.body)[-1] == "user" and turn == 1:
        command = {"command": "make test", "description": "Run the tests", "wait": 0}
        calls(("run", command), text="I run the tests.")(exchange)
    else:
        says("All right.")(exchange)


def _stream(exchange: Exchange, text: str) -> None:
    exchange.send(HEAD)
    for at in range(0, len(text), 9):
        exchange.delta(content=text[at : at + 9])
        time.sleep(0.01)
    exchange.delta("stop")
    exchange.event("[DONE]")


_LONG: Final = (
    "# A heading\n\nSome *text* with **bold**, `code` and [a link](https://x.invalid).\n\n"
    "- one\n- two\n\n| name | what |\n|---|---|\n| a | b |\n\n```sh\nmake test\n```\n\n"
) * 12


def _main() -> None:
    with ScriptedEndpoint(*[_act] * 10_000) as server:
        print(server.url, flush=True)  # noqa: T201 - a program
        threading.Event().wait()


if __name__ == "__main__":
    _main()
