"""The protocol: handshakes, versions, errors, invalid messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conditions import until

from tests.ui.agents.agent_client import META, MODERN, TASKS, Connect, modern_meta

if TYPE_CHECKING:
    from tests.ui.agents.agent_client import AgentClient, Json


FREQUENT = (
    "import sys; from backburner.ui.agents import run, server; server.PROGRESS = 0.1;"
    " sys.exit(run.run(sys.argv[2:]))"
)
"""A server that reports progress more often."""


@pytest.fixture
def raw(connect: Connect) -> AgentClient:
    """Return a client before its handshake."""
    return connect()


def test_a_handshake_selects_a_version_that_both_sides_support(
    raw: AgentClient,
) -> None:
    for asked, given in (
        ("2024-11-05", "2024-11-05"),
        ("2025-11-25", "2025-11-25"),
        ("2019-01-01", "2025-11-25"),
        (MODERN, "2025-11-25"),
    ):
        result = raw.initialize(version=asked)
        assert result["protocolVersion"] == given
        assert result["capabilities"] == {"tools": {}}
        assert result["serverInfo"]["name"] == "backburner"
        assert "resultType" not in result
    assert raw.ask("ping") == {}


def test_without_a_handshake_every_result_names_the_server(raw: AgentClient) -> None:
    for method in ("server/discover", "tools/list"):
        result = raw.ask(method, {"_meta": modern_meta()})
        assert result["resultType"] == "complete"
        assert (result["ttlMs"], result["cacheScope"]) == (0, "private")
        assert result["_meta"][f"{META}serverInfo"]["name"] == "backburner"
    found = raw.ask("server/discover", {"_meta": modern_meta()})
    assert found["supportedVersions"] == [MODERN]
    assert found["capabilities"] == {"tools": {}, "extensions": {TASKS: {}}}


def test_an_unknown_version_is_answered_with_the_supported_ones(
    raw: AgentClient,
) -> None:
    error = raw.error("tools/list", {"_meta": modern_meta(version="2031-01-01")})
    assert error["code"] == -32022
    assert error["data"] == {"supported": [MODERN], "requested": "2031-01-01"}


def test_an_unknown_method_or_tool_is_a_protocol_error(raw: AgentClient) -> None:
    raw.initialize()
    assert raw.error("resources/list")["code"] == -32601
    assert raw.error("tasks/get", {"taskId": "x"})["code"] == -32601
    assert raw.error("subscriptions/listen")["code"] == -32601
    error = raw.error("tools/call", {"name": "fly"})
    assert error["code"] == -32602
    assert "run, wait, list" in error["message"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{nonsense", -32700),
        (b'{"a": "\xff\xfe"}', -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"17", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": [], "method": "ping"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', -32602),
        (b"x" * (5 << 20), -32600),
    ],
    ids=range(11),
)
def test_an_invalid_request_is_answered_with_an_error_and_has_no_effect(
    raw: AgentClient, line: bytes, code: int
) -> None:
    raw.write(line + b"\n\n  \r\n")
    answer = raw.wait_for(lambda it: "error" in it)
    assert answer["error"]["code"] == code
    raw.messages.clear()
    assert raw.ask("ping") == {}


def test_each_request_of_a_batch_is_answered(raw: AgentClient) -> None:
    """The protocol version 2025-03-26 requires it."""
    ping = {"jsonrpc": "2.0", "method": "ping"}
    call = ping | {"id": "b", "method": "tools/call", "params": {"name": "list"}}
    notification = ping | {"method": "notifications/initialized"}
    batch = [ping | {"id": "a"}, notification, call, 17, ping | {"id": "c"}]
    raw.write(json.dumps(batch).encode() + b"\n")
    assert raw.answer("a")["result"] == raw.answer("c")["result"] == {}
    assert raw.answer("b")["result"]["isError"] is False
    assert raw.wait_for(lambda it: "error" in it)["error"]["code"] == -32600


@pytest.mark.parametrize(
    "field",
    [b'"a": "half of \\ud83d"', b'"a": "\xff"', b'"a": NaN'],
    ids=["surrogate", "bytes", "number"],
)
def test_the_error_about_an_invalid_text_or_number_has_the_id_of_its_request(
    raw: AgentClient, field: bytes
) -> None:
    raw.write(b'{"jsonrpc": "2.0", "id": "x", "method": "ping", %b}\n' % field)
    assert raw.answer("x")["error"]["code"] == -32700


@pytest.mark.parametrize("request_id", ["", 0, -1, 2**70, "\0"])
def test_a_call_with_any_id_is_answered(
    raw: AgentClient, request_id: str | int
) -> None:
    call: Json = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call"}
    raw.write(json.dumps(call | {"params": {"name": "list"}}).encode() + b"\n")
    assert raw.answer(request_id)["result"]["isError"] is False


def test_lines_may_arrive_in_pieces_or_many_at_once(raw: AgentClient) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": "half", "method": "ping"}).encode()
    for byte in request:
        raw.write(bytes([byte]))
    raw.write(b"\r\n")
    assert raw.answer("half")["result"] == {}
    many = (
        json.dumps({"jsonrpc": "2.0", "id": f"n{n}", "method": "ping"})
        for n in range(500)
    )
    raw.write("\n".join(many).encode() + b"\n")
    assert raw.answer("n499")["result"] == {}


def test_an_id_in_use_is_refused(raw: AgentClient) -> None:
    raw.initialize()
    raw.call("run", command="sleep 600", wait=0)
    request = raw.begin("wait", ids=[1], wait=45)
    line = {"jsonrpc": "2.0", "id": request, "method": "ping"}
    raw.write(json.dumps(line).encode() + b"\n")
    assert raw.wait_for(lambda it: "error" in it)["error"]["code"] == -32600
    raw.notify("notifications/cancelled", {"requestId": request})
    assert raw.ask("ping") == {}


def test_a_canceled_request_is_not_answered_and_its_task_is_canceled(
    raw: AgentClient,
) -> None:
    raw.initialize()
    running = raw.begin("run", command="sleep 600", wait=45)
    until(lambda: bool(raw.data("list")["tasks"]))
    raw.notify("notifications/cancelled", {"requestId": running})
    raw.notify("notifications/cancelled", {"requestId": 12345})
    raw.notify("notifications/cancelled", {"requestId": {}})
    raw.notify("notifications/nonsense", {})

    (task,) = raw.data("wait", ids=[1], wait=45)["ended"]

    assert task["status"] == "canceled"
    assert "withdrew it before it had an answer" in task["reason"]
    assert not any(it.get("id") == running for it in raw.messages)


def test_a_client_that_asks_for_progress_gets_it(connect: Connect) -> None:
    raw = connect(program=("-c", FREQUENT))
    raw.initialize()
    raw.call("run", command="sleep 600", wait=0)
    request = raw.begin("wait", {"progressToken": "p"}, ids=[1], wait=1)

    first, second = raw.told("notifications/progress", 2)
    assert (first["progressToken"], second["progressToken"]) == ("p", "p")
    assert 0 < first["progress"] < second["progress"]
    assert "#1" in first["message"]
    assert not raw.answer(request)["result"]["isError"]
