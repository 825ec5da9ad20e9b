"""The client of an endpoint, over real sockets."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from backburner.ui.partner.answer import EndpointError, Piece
from backburner.ui.partner.endpoint import Canceled, Completion, Endpoint, Patience
from patience import PATIENCE
from scripted_endpoint import HEAD, Exchange, ScriptedEndpoint, calls, raw, says

if TYPE_CHECKING:
    from collections.abc import Callable

USUAL = Patience()
QUICK = Patience(connect=PATIENCE, read=0.2, data=0.3)


def ask(
    reply: Callable[[Exchange], None], *, key: str = "", patience: Patience = USUAL
) -> tuple[list[Piece], dict[str, object], str]:
    """Send one request; return the pieces, the message and the request headers."""
    pieces: list[Piece] = []
    with ScriptedEndpoint(reply) as server:
        endpoint = Endpoint(server.url, "small", key, patience)
        answer = Completion(endpoint, {"messages": []}).run(pieces.append)
        return pieces, answer.message(), server.exchanges[0].head


def test_an_answer_comes_in_pieces() -> None:
    pieces, message, head = ask(says("Hel", "lo", thinks="hm"), key="secret")
    assert pieces == [Piece(thought="hm"), Piece("Hel"), Piece("lo")]
    assert message == {"role": "assistant", "content": "Hello"}
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "Authorization: Bearer secret" in head


def test_an_answer_may_arrive_byte_by_byte_or_in_chunks() -> None:
    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD.replace(b"Connection", b"Transfer-Encoding: chunked\r\nX"))
        data = (
            b'data: {"choices": [{"delta": {"content": "\xc3\xa4h"}}]}\r\n\r\n'
            b": still here\r\n\r\ndata: [DONE]\r\n\r\n"
        )
        for byte in data:
            exchange.send(b"1\r\n" + bytes([byte]) + b"\r\n")
        exchange.send(b"0\r\n\r\n")

    assert ask(reply)[1]["content"] == "äh"


def test_a_refusal_is_returned_as_text() -> None:
    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD)
        exchange.delta(refusal="I can't ")
        exchange.delta("stop", refusal="do that.")

    pieces, message, _ = ask(reply)
    assert pieces == [Piece("I can't "), Piece("do that.")]
    assert message["content"] == "I can't do that."


def test_the_stream_may_end_after_a_finish_reason() -> None:
    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD)
        exchange.delta("stop", content="done")

    assert ask(reply)[1]["content"] == "done"


def status(line: str, body: str = "", *headers: str) -> Callable[[Exchange], None]:
    """Answer with a status and a body."""
    head = [f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers]
    return raw(("\r\n".join([*head, "", ""]) + body).encode())


EVENTS = HEAD.partition(b"Connection")[0]
CHUNK = b'data: {"choices": [{"delta": {"content": "half"}}]}\n\n'


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (status("302 Found", "", "Location: http://evil.invalid/"), "redirects to"),
        (status("502 Bad Gateway", "<html>\nnginx"), r"failed \(502: <html>\)"),
        (status("401 No", '{"error": {"message": "bad key"}}'), "refuses the key.*bad"),
        (status("404 No", '{"error": "no model x"}'), "no such model.*no model x"),
        (status("429 No"), "accepts no requests for now"),
        (status("200 OK", "hello", "Content-Type: text/html"), "text/html instead"),
        (status("200 OK", "{}"), "something unnamed instead of an event stream"),
        (raw(b"SSH-2.0-x\r\n"), "broke the connection off"),
        (raw(b""), "broke the connection off"),
        (raw(EVENTS, b"\r\n", CHUNK), "broke the answer off"),
        (raw(EVENTS, b"Content-Length: 999\r\n\r\n", CHUNK), "broke the"),
        (raw(HEAD, b'data: {"error": {"message": "oops"}}\n\n'), "reports: oops"),
        (raw(HEAD, b'event: error\ndata: {"message": "busy"}\n\n'), "reports: busy"),
        (raw(HEAD, b"data: \xff\xfe\n\n"), "not JSON"),
        (raw(HEAD, b"x" * (5 << 20)), "longer than 4 MB"),
        (raw(HEAD, *[b": " + b"x" * (1 << 20) + b"\n"] * 33), "longer than 32 MB"),
    ],
)
def test_an_invalid_answer_is_reported_in_one_line(
    reply: Callable[[Exchange], None], text: str
) -> None:
    with pytest.raises(EndpointError, match=text) as raised:
        ask(reply, patience=Patience(data=PATIENCE, read=PATIENCE))
    assert "\n" not in str(raised.value)


def test_a_stalled_answer_times_out() -> None:
    def stall(exchange: Exchange) -> None:
        exchange.send(HEAD)
        exchange.await_hang_up()

    def comment(exchange: Exchange) -> None:
        exchange.send(HEAD)
        while True:
            exchange.send(b": keep-alive\n\n")
            time.sleep(0.02)

    for reply in (stall, comment, Exchange.await_hang_up):
        with pytest.raises(EndpointError, match="does not answer in time"):
            ask(reply, patience=QUICK)


def test_an_unreachable_endpoint_is_an_error() -> None:
    with ScriptedEndpoint() as server:
        url = server.url
    with pytest.raises(EndpointError, match="nothing listens at"):
        Completion(Endpoint(url, "m"), {}).run(list[Piece]().append)
    with pytest.raises(EndpointError, match="begins with http"):
        Completion(Endpoint("ftp://x", "m"), {}).run(list[Piece]().append)


@pytest.mark.parametrize("begun", [True, False])
def test_cancel_ends_the_request_at_once(*, begun: bool) -> None:
    came = threading.Event()
    gone = threading.Event()

    def stall(exchange: Exchange) -> None:
        if begun:
            exchange.send(HEAD)
            exchange.delta(content="I will")
        else:
            came.set()
        exchange.await_hang_up()
        gone.set()

    with ScriptedEndpoint(stall) as server:
        completion = Completion(Endpoint(server.url, "m"), {})
        threading.Thread(
            target=lambda: (came.wait(PATIENCE), completion.cancel()), daemon=True
        ).start()
        with pytest.raises(Canceled):
            completion.run(lambda _: came.set())
        assert gone.wait(PATIENCE)


def test_a_request_canceled_before_it_begins_sends_nothing() -> None:
    with ScriptedEndpoint() as server:
        completion = Completion(Endpoint(server.url, "m"), {})
        completion.cancel()
        with pytest.raises(Canceled):
            completion.run(list[Piece]().append)
        assert not server.exchanges


def test_tool_calls_are_gathered() -> None:
    message = ask(calls(("run", {"command": "make"}), ("list", {})))[1]
    assert [it["function"]["name"] for it in message["tool_calls"]] == ["run", "list"]  # type: ignore[index, attr-defined]
