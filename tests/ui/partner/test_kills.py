"""Chats with a partner: chat, host, agent and server are killed at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psutil
import pytest
import scripted_agent
from backburner.ui.partner.memory import Memory, Record
from conditions import until
from host_care import HostCare
from patience import PATIENCE
from pty_session import PtySession, chat_command
from scripted_endpoint import HEAD, Exchange, ScriptedEndpoint, calls, last, says

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

ROUNDS: Final = 100 if os.environ.get("BACKBURNER_SOAK") else 4

_READY: Final = "Say something to assistant"
_WOKEN: Final = re.compile(r"^#(\d+) (?:complete|failed|canceled)", re.MULTILINE)
_MORE: Final = re.compile(r"^And: (.+);", re.MULTILINE)

pytestmark = pytest.mark.timeout(400 + 20 * ROUNDS)


class Rounds:
    """A session whose chat says `go` again and again while something is killed.

    Args:
        folder: For all that there is.
        partner: The lines of the configuration.
    """

    def __init__(self, folder: Path, partner: Sequence[str]) -> None:
        self.care = HostCare()
        self._state = folder / "state"
        self.folder = self._state / "main"
        self.folder.mkdir(mode=0o700, parents=True)
        memory = Memory(self.folder)
        assert memory.claim(wait=False)
        memory.add(Record(allowed="sleep *"))
        memory.close()
        config = folder / "config.toml"
        config.write_text("\n".join(["[partner]", *partner, ""]))
        self._command = chat_command(self._state, "--config", str(config), host=True)
        self._dice = random.Random(7)  # noqa: S311 - who is killed, and when

    @contextlib.contextmanager
    def chat(self) -> Generator[PtySession]:
        """Open a chat."""
        with PtySession(self._command, environ=self.care.environ) as chat:
            chat.wait(_READY)
            yield chat

    def run(
        self, text: str, begun: Callable[[], int], victims: dict[str, Callable[[], Any]]
    ) -> None:
        """Send messages and kill processes in turns, until the chat is killed."""
        left = ROUNDS
        while left:
            with self.chat() as chat:
                while left:
                    left -= 1
                    before = begun()
                    chat.send(f"{text}\r")
                    if self._dice.random() < 0.7:
                        chat.wait(lambda before=before: begun() > before)
                    chat.read(self._dice.random() * 0.4, drain=True)
                    victim = self._dice.choice(["chat", *victims])
                    if victim == "chat":
                        break
                    with contextlib.suppress(psutil.Error):
                        victims[victim]()
                chat.process.kill()
                chat.process.wait()

    def kill_host(self) -> None:
        """Kill a host; its keeper starts the next one."""
        for it in self.care.hosts():
            it.kill()

    def told(self) -> list[int]:
        """Return the tasks in the partner's notifications, with repetitions."""
        lines = (self.folder / "partner.jsonl").read_bytes().splitlines()
        whole = [it for it in lines if it.endswith(b"}")]
        records = [msgspec.json.decode(it, type=Record) for it in whole]
        return [task_id for it in records for task_id in it.told]

    def tasks(self) -> set[int]:
        """Return all tasks."""
        command = [sys.executable, "-m", "backburner", "list", "--all", "--json"]
        listed = subprocess.run(
            [*command, "--state-dir", str(self._state)],
            capture_output=True,
            check=False,
            env={**os.environ, **self.care.environ},
        )
        found: Any = json.loads(listed.stdout or "[]")
        return {it["id"] for it in found}

    def settle(self, chat: PtySession, idle: Callable[[], bool]) -> set[int]:
        """Wait until the partner knows of all ends; return the tasks."""
        tasks = set[int]()

        def all_are_reported() -> bool:
            tasks.update(self.tasks())
            return bool(tasks) and tasks <= {*self.told()} and idle()

        chat.wait(all_are_reported)
        return tasks


def act(exchange: Exchange) -> None:
    """Start a short task for each `go`."""
    if last(exchange.body) == "go":
        calls(("run", {"command": "sleep 0.1", "wait": 0}))(exchange)
    else:
        says("All right.")(exchange)


def test_no_end_is_lost_or_repeated_when_chat_and_host_are_killed_at_any_moment(
    tmp_path: Path,
) -> None:
    with ScriptedEndpoint(*[act] * 100_000) as server:
        rounds = Rounds(tmp_path, [f'url = "{server.url}"', 'model = "small"'])
        with rounds.care:
            rounds.run("go", lambda: len(server.exchanges), {"host": rounds.kill_host})
            with rounds.chat() as chat:
                tasks = rounds.settle(chat, lambda: True)
                chat.send("/quit --end\r")
                chat.wait_exit()
        ids = rounds.told()
        assert len(ids) == len({*ids}), ids
        assert tasks == {*ids}


def test_a_message_sent_during_an_answer_is_asked_once_after_a_kill(
    tmp_path: Path,
) -> None:
    go_on = threading.Event()

    def slowly(exchange: Exchange) -> None:
        exchange.send(HEAD)
        exchange.delta(content="Answer one")
        go_on.wait(PATIENCE)
        exchange.delta("stop", content=".")
        exchange.event("[DONE]")

    with ScriptedEndpoint(slowly, Exchange.await_hang_up) as server:
        rounds = Rounds(tmp_path, [f'url = "{server.url}"', 'model = "small"'])
        records = rounds.folder / "partner.jsonl"
        with rounds.care:
            with rounds.chat() as chat:
                chat.send("/chat --new side\r")
                chat.wait("Say something to assistant")
                chat.send("first\r")
                chat.wait("Answer one")
                chat.send("second\r")
                chat.wait(lambda: b"second" in records.read_bytes())
                go_on.set()
                # The first is answered and the second is asked but never answered.
                chat.wait(lambda: len(server.exchanges) == 2)
                chat.process.kill()
                chat.process.wait()
            server.add(says("Answer two."))
            with rounds.chat() as chat:
                chat.wait(lambda: b"Answer two." in records.read_bytes())
                chat.process.kill()
                chat.process.wait()
            with rounds.chat() as chat:
                chat.send("/chat main\rthird\r")
                chat.wait(lambda: len(server.exchanges) == 4)
                chat.send("/quit --end\r")
                chat.wait_exit()
    second, third = (it.body["messages"][1:] for it in server.exchanges[2:])
    assert [it["content"] for it in second] == ["first", "Answer one.", "second"]
    assert [it["content"] for it in third] == ["third"]
    lines = records.read_bytes().splitlines()
    found = [msgspec.json.decode(it, type=Record) for it in lines]
    (answer,) = [it for it in found if "Answer two." in str(it.message)]
    assert answer.conversation == "side"


def test_no_end_is_lost_or_repeated_when_any_process_of_an_agent_is_killed(
    tmp_path: Path,
) -> None:
    command = json.dumps([sys.executable, scripted_agent.__file__])
    rounds = Rounds(tmp_path, [f"command = {command}"])
    home = rounds.folder / "partner" / "home"

    def notes(topic: str) -> list[Any]:
        path = home / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        found = [json.loads(it) for it in lines if it.endswith("]")]
        return [value for kind, value in found if kind == topic]

    def kill(topic: str) -> None:
        psutil.Process(notes(topic)[-1]).kill()

    with rounds.care:
        rounds.run(
            "start sleep 0.1",
            lambda: len(notes("prompt")),
            {
                "host": rounds.kill_host,
                "agent": lambda: kill("start"),
                "server": lambda: kill("server"),
            },
        )
        with rounds.chat() as chat:
            tasks = rounds.settle(
                chat,
                lambda: {*ends_heard(home)} | _ids(notes("result")) >= {*rounds.told()},
            )
            chat.process.kill()
            chat.process.wait()
        pids = [*notes("start"), *notes("server")]
        until(lambda: not any(map(is_there, pids)), "the end of all agents")
    ids = rounds.told()
    assert len(ids) == len({*ids}), ids
    assert tasks == {*ids}
    woken = ends_heard(home)
    assert len(woken) == len({*woken}), woken
    started = {
        int(it) for text in notes("result") for it in re.findall(r"#(\d+)", text)
    }
    assert started <= tasks


def ends_heard(home: Path) -> list[int]:
    """Return the task ends in the memory of an agent."""
    messages = [
        json.loads(line)
        for path in home.glob("s*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return [
        int(it)
        for sender, text in messages
        if sender == "user" and text.startswith(scripted_agent.TOLD)
        for it in [*_WOKEN.findall(text), *_listed(text)]
    ]


def _listed(text: str) -> list[str]:
    """Return the tasks that are only named because many ended at once."""
    return [it for ids in _MORE.findall(text) for it in re.findall(r"\d+", ids)]


def _ids(results: list[str]) -> set[int]:
    """Return the tasks that ended according to tool results."""
    return {int(it) for text in results for it in _WOKEN.findall(text)}


def is_there(pid: int) -> bool:
    """Return whether a process is the running agent or its server."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any(
            it.endswith("scripted_agent.py") or it == "--relay"
            for it in process.cmdline()
        )
    except psutil.Error:
        return False
