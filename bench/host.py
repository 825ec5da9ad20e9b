"""The cost of the command line, of programs, and of an idle host."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
from backburner.actors import AddTask, TaskChanged, TaskEvent, TaskRequest
from backburner.actors.host.events import HostBack, HostEvent
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from pty_session import PtySession

from .figures import Figure, Report, median, percentile
from .start import environment, program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 21
ADDS = 500
TOLD = 30_000
KILLS = 20
SECONDS = 60
_TIMEOUT = 120.0
_PLACEHOLDER = "A note to yourself"


def measure(folder: Path) -> Report:
    """Measure all of it; compared values in turns."""
    directory = folder / "state" / "main"
    with RemoteSystem(HostSettings(directory=str(directory))) as system:
        try:
            return Report(
                figures=(
                    *_commands(folder),
                    # Before the adds, because a larger process starts programs more
                    # slowly.
                    *_first_frame(folder),
                    _to_running(system),
                    _acknowledged(system),
                    *_idle(system),
                    _another_host(system, directory),
                )
            )
        finally:
            system.end()


class _Heard:
    """A recipient that counts its messages."""

    def __init__(self, matches: Callable[[object], bool]) -> None:
        self._matches = matches
        self._count = 0
        self._more = threading.Condition()

    def tell(self, message: object, /) -> None:
        if self._matches(message):
            with self._more:
                self._count += 1
                self._more.notify_all()

    def wait_for(self, count: int) -> None:
        with self._more:
            if not self._more.wait_for(lambda: self._count >= count, _TIMEOUT):
                raise TimeoutError(f"{self._count} of {count} messages came")


def _commands(folder: Path) -> tuple[Figure, ...]:
    env = environment(folder)
    add = (program(), "add", "--state-dir", str(folder / "state"), "--", "true")
    ways: dict[str, tuple[str, ...]] = {
        "python": (sys.executable, "-c", "pass"),
        "add": add,
    }
    if shutil.which("tsp"):
        env |= {"TS_SOCKET": str(folder / "tsp"), "TMPDIR": str(folder)}
        ways["tsp"] = ("tsp", "true")
    seconds: dict[str, list[float]] = {name: [] for name in (*ways, "first")}
    for number in range(ROUNDS):
        for name, argv in ways.items():
            seconds[name].append(_timed(argv, env))
        state = str(folder / f"first-{number}")
        first = (program(), "add", "--state-dir", state, "--", "true")
        seconds["first"].append(_timed(first, env))
        _timed((program(), "end", "--state-dir", state), env)
    if "tsp" in ways:
        _timed(("tsp", "-K"), env)
    middle = {name: median(values) * 1000 for name, values in seconds.items()}
    python = middle["python"]
    beside = f"; `tsp true` {middle['tsp']:.1f} ms" if "tsp" in ways else ""
    return (
        Figure(
            "`backburner add` on a running host, relative to `python3 -c pass`",
            "2.5 x",
            f"{middle['add'] / python:.2f} x, {middle['add']:.1f} to {python:.1f} ms"
            f"{beside}",
            middle["add"] <= 2.5 * python,
        ),
        Figure(
            "the first `backburner add`, which starts the host, relative to the same",
            "15 x",
            f"{middle['first'] / python:.1f} x, {middle['first']:.0f} ms",
            middle["first"] <= 15 * python,
        ),
    )


def _timed(argv: tuple[str, ...], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _to_running(system: RemoteSystem) -> Figure:
    def is_event(event: TaskEvent) -> Callable[[object], bool]:
        return lambda it: isinstance(it, TaskChanged) and it.event is event

    running = _Heard(is_event(TaskEvent.RUNNING))
    complete = _Heard(is_event(TaskEvent.COMPLETE))
    system.subscribe(running)
    system.subscribe(complete)
    times: list[float] = []
    for number in range(1, ADDS + 1):
        begun = time.perf_counter()
        system.queue.tell(AddTask(TaskRequest("x", "bash", ("true",))))
        running.wait_for(number)
        times.append((time.perf_counter() - begun) * 1000)
        complete.wait_for(number)
    system.unsubscribe(running)
    system.unsubscribe(complete)
    middle, worst = median(times), percentile(times, 99)
    return Figure(
        "from add to running, through the socket",
        "median 1.2 ms, p99 3 ms",
        f"median {middle:.2f} ms, p99 {worst:.2f} ms",
        middle <= 1.2 and worst <= 3,
    )


def _acknowledged(system: RemoteSystem) -> Figure:
    system.pause()
    answers = _Heard(lambda _: True)
    request = TaskRequest("x", "bash", ("true",))
    begun = time.perf_counter()
    for number in range(TOLD):
        system.queue.tell(AddTask(request, answers, number))
    answers.wait_for(TOLD)
    rate = TOLD / (time.perf_counter() - begun)
    system.cancel_all(answer_timeout=_TIMEOUT)
    system.resume()
    return Figure(
        f"{TOLD:,} adds through the socket, acknowledged and journaled",
        "30,000/s",
        f"{rate:,.0f}/s",
        rate >= 30_000,
    )


def _idle(system: RemoteSystem) -> tuple[Figure, ...]:
    system.forget_finished()
    with RemoteSystem(
        HostSettings(directory=f"{system.welcome.directory}-idle")
    ) as other:
        other.wait(other.add("x", "bash", "true").id, timeout=_TIMEOUT)
        host = psutil.Process(other.welcome.pid)
        time.sleep(3.0)  # until its work after an end is done
        before = host.cpu_times()
        time.sleep(SECONDS)
        after = host.cpu_times()
        size = host.memory_info().rss / 1e6
        other.end()
    used = after.user + after.system - before.user - before.system
    ticks = round(used * os.sysconf("SC_CLK_TCK"))
    return (
        Figure(
            f"a host idle for {SECONDS} s: CPU time",
            "0 ticks",
            f"{ticks} ticks",
            ticks == 0,
        ),
        Figure("memory of an idle host", "30 MB", f"{size:.0f} MB", size <= 30),
    )


def _first_frame(folder: Path) -> tuple[Figure, ...]:
    env = environment(folder)
    there: list[float] = []
    new: list[float] = []
    for number in range(ROUNDS):
        there.append(_frame(folder / "state", env))
        state = folder / f"frame-{number}"
        new.append(_frame(state, env))
        _timed((program(), "end", "--state-dir", str(state)), env)
    return (
        Figure(
            "first frame of the chat on a running host",
            "",
            f"{median(there) * 1000:.0f} ms",
        ),
        Figure(
            "first frame of the chat, which starts the host",
            "",
            f"{median(new) * 1000:.0f} ms",
        ),
    )


def _frame(state: Path, env: dict[str, str]) -> float:
    begun = time.perf_counter()
    with PtySession([program(), "--state-dir", str(state)], environ=env) as chat:
        chat.wait(_PLACEHOLDER)
        seconds = time.perf_counter() - begun
        chat.send("\x04")
        chat.wait_exit()
    return seconds


class _Back:
    """Waits until there is a host again."""

    def __init__(self) -> None:
        self.heard = threading.Event()

    def tell(self, event: HostEvent, /) -> None:
        if isinstance(event, HostBack):
            self.heard.set()


def _another_host(system: RemoteSystem, directory: Path) -> Figure:
    times: list[float] = []
    for _ in range(KILLS):
        back = _Back()
        with RemoteSystem(HostSettings(directory=str(directory)), events=back) as other:
            begun = time.perf_counter()
            os.kill(other.welcome.pid, signal.SIGKILL)
            if not back.heard.wait(_TIMEOUT):
                raise TimeoutError("no other host came")
            times.append(time.perf_counter() - begun)
            system.list()
    middle, worst = median(times) * 1000, max(times) * 1000
    return Figure(
        "from the kill of a host until its clients have the next one",
        "500 ms",
        f"median {middle:.0f} ms, longest {worst:.0f} ms",
        middle <= 500,
    )
