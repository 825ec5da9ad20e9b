"""The chat with third-party agents as its partner, by the Agent Client Protocol.

`make test-agents` makes their environments.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conditions import until
from host_care import HostCare
from pty_session import PtySession, chat_command
from scripted_endpoint import HEAD, Exchange, ScriptedEndpoint, calls, roles, says

from tests.ui.agents.peer_places import environment_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.agents


def chat_with(
    folder: Path, care: HostCare, command: Sequence[str], *lines: str
) -> PtySession:
    """Return a chat with an agent."""
    config = folder / "config.toml"
    config.write_text(
        "\n".join(["[partner]", f"command = {json.dumps([*command])}", *lines, ""])
    )
    opened = chat_command(folder / "state", "--config", str(config), host=True)
    return PtySession(opened, environ=care.environ)


def test_the_example_agent_of_the_sdk_answers(tmp_path: Path) -> None:
    place = environment_of("acp")
    command = [str(place / "bin/python"), str(place / "examples/agent.py")]
    with HostCare() as care, chat_with(tmp_path, care, command) as chat:
        chat.wait("Say something to assistant")
        chat.send("hello there\r")
        chat.wait("Client sent:hello there")
        # It starts no MCP server, without saying so.
        chat.wait("did not start the MCP server")
        chat.send("/quit --end\r")
        chat.wait_exit()


def test_opencode_starts_a_task_is_woken_stopped_and_continued(tmp_path: Path) -> None:
    place = environment_of("opencode")
    program = min(place.glob("node_modules/opencode-*/bin/opencode"))
    heard: list[str] = []

    def act(exchange: Exchange) -> None:
        content = exchange.body["messages"][-1]["content"]
        heard.append(content if isinstance(content, str) else json.dumps(content))
        tools = {it["function"]["name"] for it in exchange.body.get("tools", [])}
        assert tools <= {f"backburner_{it}" for it in TOOLS}, tools
        if roles(exchange.body)[-1] == "tool":
            says("It runs.")(exchange)
        elif "start" in heard[-1]:
            run = {"command": "sleep 1; echo the end", "wait": 0}
            calls(("backburner_run", run))(exchange)
        elif "hang" in heard[-1]:
            exchange.send(HEAD)
            exchange.delta(content="I will never end.")
            exchange.await_hang_up()
        elif "These tasks have ended" in heard[-1]:
            says("I was woken.")(exchange)
        else:
            says("I remember: ", str(roles(exchange.body).count("user")))(exchange)

    with ScriptedEndpoint(*[act] * 100) as server, HostCare() as care:
        lines = (f'url = "{server.url}"', 'model = "small"')
        with chat_with(tmp_path, care, [str(program), "acp"], *lines) as chat:
            chat.wait("Say something to assistant")
            chat.send("please start it\r")
            chat.wait("asks to run #1")
            chat.send("/allow 1\r")
            chat.wait("It runs.")
            chat.wait("I was woken.")
            assert sum("#1 complete" in it and "the end" in it for it in heard) == 1
            chat.send("please hang\r")
            chat.wait("I will never end.")
            chat.send("\x1b")
            chat.wait("(stopped)")
            chat.send("are you there?\r")
            chat.wait("I remember: 4")
            chat.process.kill()
            chat.process.wait()
        until(lambda: not any("opencode" in it.name() for it in care.left()))
        with chat_with(tmp_path, care, [str(program), "acp"], *lines) as chat:
            chat.wait("Say something to assistant")
            chat.send("do you remember?\r")
            chat.wait("I remember: 5")
            assert sum("#1 complete" in it for it in heard) == 1
            chat.send("/quit --end\r")
            chat.wait_exit()


TOOLS = ("run", "wait", "list", "show", "output", "send", "cancel", "rerun")
