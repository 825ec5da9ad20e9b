"""Tasks of the protocol, for clients that declare the extension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ui.agents.agent_client import (
    META,
    TASKS,
    AgentClient,
    Connect,
    Json,
    modern_meta,
)

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.actors.host.remote import RemoteSystem


def begin_task(agent: AgentClient, command: str) -> Json:
    """Run a long command; return the task."""
    created = agent.call("run", modern_meta(), command=command, wait=0)
    assert created["resultType"] == "task"
    return created


def get(agent: AgentClient, key: str) -> Json:
    """Return the current state of a task."""
    return agent.ask("tasks/get", {"taskId": key, "_meta": modern_meta()})


def test_a_call_returns_a_task_and_the_task_its_result(
    connect: Connect, tmp_path: Path
) -> None:
    agent = connect()
    go = tmp_path / "go"
    created = begin_task(
        agent, f"until [ -e {go} ]; do sleep 0.01; done; echo x; exit 2"
    )

    assert created["status"] == "working"
    assert created["ttlMs"] is None
    assert len(created["taskId"]) == 32
    assert created["createdAt"].endswith("Z")
    found = get(agent, created["taskId"])
    assert found["resultType"] == "complete"
    assert found["status"] == "working"
    assert "result" not in found
    go.touch()
    agent.call("wait", ids=[1], wait=45)
    found = get(agent, created["taskId"])
    assert found["status"] == "completed"
    assert found["result"]["resultType"] == "complete"
    assert found["result"]["isError"] is True
    assert found["result"]["structuredContent"]["untrusted_output"] == "x"


def test_a_short_call_returns_its_result_without_a_task(connect: Connect) -> None:
    result = connect().call("run", modern_meta(), command="echo x", wait=45)
    assert result["resultType"] == "complete"
    assert result["structuredContent"]["ended"] is True


def test_only_a_client_that_declares_the_extension_gets_a_task(
    connect: Connect,
) -> None:
    agent = connect()
    meta = modern_meta(tasks=False)
    result = agent.call("run", meta, command="sleep 600", wait=0)
    assert result["resultType"] == "complete"
    assert "`wait` with ids [1]" in result["content"][0]["text"]
    required: Json = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
    for method, params in (
        ("tasks/get", {"taskId": "x"}),
        ("tasks/cancel", {"taskId": "x"}),
        ("subscriptions/listen", {"notifications": {"taskIds": ["x"]}}),
    ):
        error = agent.error(method, params | {"_meta": meta})
        assert (error["code"], error["data"]) == (-32021, required)


def test_a_task_is_canceled(connect: Connect) -> None:
    agent = connect()
    key = begin_task(agent, "sleep 600")["taskId"]
    params = {"taskId": key, "_meta": modern_meta()}
    acknowledged = agent.ask("tasks/cancel", params)
    assert {*acknowledged} == {"resultType", "_meta"}
    agent.call("wait", ids=[1], wait=45)
    assert get(agent, key)["status"] == "cancelled"
    agent.ask("tasks/cancel", params)
    agent.ask("tasks/update", params | {"inputResponses": {}})


def test_an_unknown_task_or_one_of_another_agent_is_refused(
    connect: Connect, person: RemoteSystem
) -> None:
    person.add("Mine", "bash", "sleep 600")
    agent = connect("--name", "one")
    key = begin_task(connect("--name", "other"), "sleep 600")["taskId"]
    for unknown in ("", "1", key, 7):
        error = agent.error("tasks/get", {"taskId": unknown, "_meta": modern_meta()})
        assert error["code"] == -32602


def test_a_subscriber_receives_each_status_until_the_end(
    connect: Connect, tmp_path: Path
) -> None:
    agent = connect()
    go = tmp_path / "go"
    keys = [
        begin_task(agent, f"until [ -e {go} ]; do sleep 0.01; done")["taskId"]
        for _ in range(2)
    ]
    params: Json = {
        "notifications": {"taskIds": [*keys, "x"], "toolsListChanged": True}
    }
    listening = agent.send("subscriptions/listen", params | {"_meta": modern_meta()})
    (acknowledged,) = agent.told("notifications/subscriptions/acknowledged")
    assert acknowledged["notifications"] == {"taskIds": keys}
    assert acknowledged["_meta"] == {f"{META}subscriptionId": listening}
    go.touch()

    result = agent.answer(listening)["result"]

    assert result["_meta"][f"{META}subscriptionId"] == listening
    updates = agent.told("notifications/tasks", 4)
    assert {it["_meta"][f"{META}subscriptionId"] for it in updates} == {listening}
    last = {it["taskId"]: it for it in updates}
    assert {*last} == {*keys}
    assert all(it["result"]["isError"] is False for it in last.values())
    methods = [it.get("method") for it in agent.messages]
    assert methods.index("notifications/subscriptions/acknowledged") < methods.index(
        "notifications/tasks"
    )


def test_nothing_is_sent_after_a_subscription_is_canceled(connect: Connect) -> None:
    agent = connect()
    key = begin_task(agent, "sleep 600")["taskId"]
    params: Json = {"notifications": {"taskIds": [key]}, "_meta": modern_meta()}
    listening = agent.send("subscriptions/listen", params)
    agent.told("notifications/tasks")
    agent.notify("notifications/cancelled", {"requestId": listening})
    agent.call("cancel", ids=[1], now=True)
    assert len(agent.told("notifications/tasks")) == 1
    assert not any(it.get("id") == listening for it in agent.messages)


def test_a_task_is_found_by_its_id_after_a_restart_of_server_and_host(
    connect: Connect, person: RemoteSystem
) -> None:
    agent = connect()
    key = begin_task(agent, "exec sleep 0.1")["taskId"]
    agent.call("wait", ids=[1], wait=45)
    agent.process.kill()
    person.end()

    found = get(connect(), key)

    assert found["taskId"] == key
    assert found["status"] == "completed"
