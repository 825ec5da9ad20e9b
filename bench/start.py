"""The time from the start of the program to its first answer in line mode."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from backburner.actors import TaskSystem
from backburner.actors.messages import Shown

from .adding import fill
from .figures import Figure, Report, median

REMEMBERED = 100_000
ROUNDS = 15
ANSWER = b'"event":"tasks"'


def measure(folder: Path) -> Report:
    """Measure a new session, and one with a very long history."""
    new = [_start(folder, folder / f"new-{number}") for number in range(ROUNDS)]
    state = folder / "old"
    _remember(state / "main")
    settings = folder / "config.toml"
    settings.write_text(f"history = {REMEMBERED * 2}\n")
    old = [_start(folder, state, "--config", str(settings)) for _ in range(ROUNDS)]
    return Report(
        figures=(
            _figure("from start to first answer, line mode", new, 150),
            _figure(
                f"from start to first answer, {REMEMBERED:,} tasks remembered", old, 300
            ),
        )
    )


def _figure(what: str, seconds: list[float], goal: int) -> Figure:
    middle, least = median(seconds) * 1000, min(seconds) * 1000
    measured = f"median {middle:.0f} ms, least {least:.0f} ms"
    return Figure(what, f"{goal} ms", measured, middle <= goal)


def _start(folder: Path, state: Path, *more: str) -> float:
    argv = [program(), "--json", "--state-dir", str(state), *more]
    begun = time.perf_counter()
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder)
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(b"/tasks\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        seconds = time.perf_counter() - begun
        process.stdin.close()
        process.stdout.read()
    if ANSWER not in answer:  # nor would it come later
        raise ValueError(f"not an answer to /tasks: {answer!r}")
    return seconds


def program() -> str:
    """Return the path of the program that is installed beside this Python."""
    return str(Path(sys.executable).with_name("backburner"))


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which Python caches compiled modules, as usual.

    Args:
        folder: The folder of the cache.
    """
    unwanted = {"PYTHONDONTWRITEBYTECODE", "NO_COLOR", "TMUX", "STY", "COLORTERM"}
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    kept |= {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    return kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _remember(directory: Path) -> None:
    with TaskSystem(directory=directory, slots=1, history=REMEMBERED * 2) as system:
        system.pause()
        fill(system, REMEMBERED)
        system.cancel_all(answer_timeout=60)
        system.queue.ask(Shown(1 << 40), timeout=60)  # all, so that none is repeated
        system.resume()
