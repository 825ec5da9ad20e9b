"""Agents and the chat's partner: the MCP server, and an answer on the screen."""

from __future__ import annotations

import json
import os
import queue
import resource
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil
from backburner.actors import TaskSystem
from backburner.ui.dialogue.partner import ChatOpened, PartnerSays, Spoken
from backburner.ui.partner.partner_actor import PartnerActor
from backburner.ui.program.config import AgentsTable, PartnerTable
from backburner.ui.terminal.screen import Screen
from backburner.ui.terminal.terminal import Terminal
from chat_driver import ChatDriver
from scripted_endpoint import HEAD, Exchange, ScriptedEndpoint

from .drawing import drain, open_pty
from .figures import Figure, Report, median
from .start import environment, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTS = 20
ANSWERS = 40
COLUMNS, ROWS = 120, 40
ANSWER = 50_000  # characters
PIECE = 60  # characters per frame
TEXT = (
    "## A heading\n\nSome *text* with **bold**, `code` and [a link](https://x.invalid)"
    " that goes on for more than one line of the screen.\n\n- one\n- two\n\n"
    "| name | what |\n|---|---|\n| a | b |\n\n```sh\nmake test\n```\n\n"
)


def measure(folder: Path) -> Report:
    """Measure all of it."""
    return Report(figures=(*_server(folder), _first_piece(folder), _long_answer()))


def _server(folder: Path) -> tuple[Figure, ...]:
    seconds: list[float] = []
    worked: list[float] = []
    sizes: list[float] = []
    for number in range(STARTS):
        before = _work_of_children()
        begun = time.perf_counter()
        with subprocess.Popen(
            [program(), "mcp", "--state-dir", str(folder / f"mcp-{number}")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(folder),
        ) as process:
            assert process.stdin is not None  # noqa: S101 - for the type checker
            assert process.stdout is not None  # noqa: S101
            params = {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            }
            request = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
            process.stdin.write(json.dumps(request | {"params": params}).encode())
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            seconds.append(time.perf_counter() - begun)
            sizes.append(psutil.Process(process.pid).memory_info().rss / 1e6)
            process.stdin.close()
        worked.append(_work_of_children() - before)
    middle, size = median(seconds) * 1000, median(sizes)
    what = "from start to first answer of `backburner mcp`"
    return (
        Figure(what, "100 ms", f"median {middle:.0f} ms", middle <= 100),
        Figure(
            f"{what}, and its end: CPU time",
            "",
            f"median {median(worked) * 1000:.0f} ms",
        ),
        Figure(f"{what}: memory", "20 MB", f"median {size:.1f} MB", size <= 20),
    )


def _work_of_children() -> float:
    """Return the CPU seconds of all reaped child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Chat:
    """Receives the messages of the partner, as a chat does."""

    def __init__(self) -> None:
        self.heard: queue.Queue[float] = queue.Queue()

    def tell(self, message: Any, /) -> None:  # noqa: ANN401 - any message
        """Record when the first piece of an answer arrived."""
        if isinstance(message, PartnerSays) and message.text:
            self.heard.put(time.perf_counter())


def _first_piece(folder: Path) -> Figure:
    sent: list[float] = []
    chat = _Chat()

    def reply(exchange: Exchange) -> None:
        exchange.send(HEAD)
        sent.append(time.perf_counter())
        exchange.delta("stop", content="First")
        exchange.event("[DONE]")

    took: list[float] = []
    with (
        ScriptedEndpoint(*[reply] * ANSWERS) as server,
        TaskSystem(directory=folder / "answers") as system,
    ):
        partner = PartnerActor(
            system.queue,
            system.dead_letters,
            table=PartnerTable(url=server.url, model="small"),
            rules=AgentsTable,
            directory=None,
            grace=1.0,
        )
        partner.tell(ChatOpened(chat))
        for _ in range(ANSWERS):
            partner.tell(Spoken("main", "hello", chat))
            took.append((chat.heard.get(timeout=60) - sent[-1]) * 1000)
        partner.stop()
    middle, longest = median(took), max(took)
    return Figure(
        "first piece of an answer, from endpoint to chat",
        "33 ms (one frame)",
        f"median {middle:.1f} ms, longest {longest:.1f} ms",
        longest <= 33,
    )


def _long_answer() -> Figure:
    driver = ChatDriver(COLUMNS, ROWS, partner="assistant")
    master, slave = open_pty(COLUMNS, ROWS)
    terminal = Terminal(input_fd=slave, output_fd=slave)
    terminal.learn()
    terminal.enter()
    screen = Screen(terminal)
    screen.paint(driver.frame(), driver.state.size)
    text = (TEXT * (ANSWER // len(TEXT) + 1))[:ANSWER]
    costs = [
        _cost(driver, screen, text[at : at + PIECE], lambda: drain(master))
        for at in range(0, ANSWER, PIECE)
    ]
    terminal.close()
    os.close(master)
    os.close(slave)
    middle, late = median(costs), sorted(costs)[len(costs) * 99 // 100]
    what = f"a frame of an answer of 50 kB, {PIECE} characters, {COLUMNS}x{ROWS}"
    return Figure(
        f"{what}: CPU time",
        "5 ms",
        f"median {middle:.1f} ms, p99 {late:.1f} ms, longest {max(costs):.1f} ms",
        late <= 5,
    )


def _cost(
    driver: ChatDriver, screen: Screen, piece: str, drained: Callable[[], int]
) -> float:
    begun = time.process_time()
    driver.tell(PartnerSays("main", piece, done=False, form="markdown"))
    screen.paint(driver.frame(), driver.state.size)
    cost = (time.process_time() - begun) * 1000
    drained()
    return cost
