"""Chats with a partner that are killed at any moment, on a session with a host."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec
from backburner.ui.partner.memory import Memory, Record
from host_care import HostCare
from pty_session import PtySession, chat_command
from scripted_endpoint import Exchange, ScriptedEndpoint, calls, last, says

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS: Final = 30 if os.environ.get("BACKBURNER_SOAK") else 3


def act(exchange: Exchange) -> None:
    """Start a short task for each `go`."""
    if last(exchange.body) == "go":
        calls(("run", {"command": "sleep 0.1", "wait": 0}))(exchange)
    else:
        says("All right.")(exchange)


def test_no_end_is_lost_or_told_twice_whenever_the_chat_is_killed(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    folder = state / "main"
    folder.mkdir(mode=0o700, parents=True)
    memory = Memory(folder)
    assert memory.claim(wait=False)
    memory.add(Record(allowed="sleep *"))
    memory.close()
    dice = random.Random(7)  # noqa: S311 - where it is killed
    with ScriptedEndpoint(*[act] * 1000) as server, HostCare() as care:
        config = tmp_path / "config.toml"
        config.write_text(f'[partner]\nurl = "{server.url}"\nmodel = "small"\n')
        command = chat_command(state, "--config", str(config), host=True)
        for _ in range(ROUNDS):
            with PtySession(command, environ=care.environ) as chat:
                chat.wait("Say something to assistant")
                before = len(server.exchanges)
                chat.send("go\r")
                chat.wait(lambda before=before: len(server.exchanges) > before)
                chat.read(dice.random() * 0.3, drain=True)
                chat.process.kill()
                chat.process.wait()
        with PtySession(command, environ=care.environ) as chat:
            chat.wait("Say something to assistant")
            told, tasks = list[int](), set[int]()

            def all_are_told() -> bool:
                told[:] = _told(folder)
                tasks.update(_tasks(state))
                return tasks <= {*told}

            chat.wait(all_are_told)
            chat.send("/quit --end\r")
            chat.wait_exit()
        assert tasks
        assert len(told) == len({*told})


def _tasks(state: Path) -> set[int]:
    """Return the tasks that there are."""
    command = [sys.executable, "-m", "backburner", "list", "--all", "--json"]
    listed = subprocess.run(
        [*command, "--state-dir", str(state)], capture_output=True, check=True
    )
    found: Any = json.loads(listed.stdout)
    return {it["id"] for it in found}


def _told(folder: Path) -> list[int]:
    """Return the tasks of whose end the model was told, as often as it was."""
    path = folder / "partner.jsonl"
    lines = path.read_bytes().splitlines()
    records = [
        msgspec.json.decode(it, type=Record) for it in lines if it.endswith(b"}")
    ]
    return [task_id for it in records for task_id in it.told]
