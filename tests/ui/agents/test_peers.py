"""The server with third-party clients, which `make test-agents` installs."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from programs import run_program

from tests.ui.agents.agent_client import Connect, Json, modern_meta
from tests.ui.agents.peer_places import environment_of

pytestmark = pytest.mark.agents

PEERS = Path(__file__).parent / "peers"
TOOLS = ["run", "wait", "list", "show", "output", "send", "cancel", "rerun"]


def use(peer: str, script: str, state: Path, *words: str) -> Json:
    """Run a Python client against a server; return its report."""
    python = environment_of(peer) / "bin" / "python"
    server = [sys.executable, "-m", "backburner", "mcp", "--state-dir", str(state)]
    done = run_program(python, PEERS / script, *words, *server)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(report: Json) -> None:
    """Check what all clients and modes have in common."""
    assert report["tools"] == TOOLS
    assert report["soon"]["untrusted_output"] == "soon"
    assert report["wrong_is_error"] is True
    late = report["late"]["task"]
    ended = {it["id"]: it for it in report["waited"]["ended"]}
    assert (ended.get(late["id"]) or late)["exit_code"] == 3


@pytest.mark.parametrize("mode", ["auto", "2026-07-28", "legacy"])
@pytest.mark.parametrize("manner", ["tasks", "plain"])
def test_the_official_client_works(state: Path, mode: str, manner: str) -> None:
    report = use("official-2", "official_2.py", state, mode, manner)

    check(report)
    assert report["version"] == ("2025-11-25" if mode == "legacy" else "2026-07-28")
    has_tasks = manner == "tasks" and mode != "legacy"
    assert report["late"]["ended"] is has_tasks
    assert report["late_is_error"] is has_tasks
    assert (report["polls"] > 0) is has_tasks


def test_version_1_of_the_official_client_works(state: Path) -> None:
    report = use("official-1", "official_1.py", state)

    check(report)
    assert report["version"] == "2025-11-25"
    assert report["late"]["ended"] is False


def test_the_client_of_fastmcp_polls_and_cancels(state: Path) -> None:
    report = use("fastmcp", "fast_client.py", state)

    assert report["late"]["untrusted_output"] == "late"
    assert report["late_is_error"] is True
    assert (report["before"], report["after"]) == ("working", "cancelled")


def test_messages_fit_the_schemas_of_the_extension(connect: Connect) -> None:
    folder = environment_of("typescript")
    agent = connect()
    meta: Json = {"_meta": modern_meta()}
    found: list[tuple[str, Json]] = [
        ("tool", it) for it in agent.ask("tools/list", meta)["tools"]
    ]
    created = [
        agent.call("run", modern_meta(), command=command, wait=0)
        for command in ("sleep 0.2; echo x", "sleep 0.2; exit 3", "sleep 600")
    ]
    found += [("created", it) for it in created]
    ids = [it["taskId"] for it in created]
    params: Json = {"notifications": {"taskIds": ids}}
    listening = agent.send("subscriptions/listen", params | meta)
    found += [("task", agent.ask("tasks/get", {"taskId": it} | meta)) for it in ids]
    agent.call("wait", ids=[1, 2], wait=45)
    last = {"taskId": ids[2]} | meta
    found.append(("updated", agent.ask("tasks/update", last | {"inputResponses": {}})))
    found.append(("canceled", agent.ask("tasks/cancel", last)))
    agent.answer(listening)
    found += [("task", agent.ask("tasks/get", {"taskId": it} | meta)) for it in ids]
    found += [
        ("told", it)
        for it in agent.messages
        if it.get("method") == "notifications/tasks"
    ]
    found.append(("result", agent.call("list", modern_meta())))
    script = shutil.copy(PEERS / "schemas.mjs", folder)
    lines = (json.dumps({"kind": kind, "message": it}) for kind, it in found)

    done = run_program("node", script, input="\n".join(lines))

    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(it) for it in done.stdout.splitlines()]
    assert len(verdicts) == len(found)
    assert [it for it in verdicts if not it["ok"]] == []
