"""A script of 1,000 lines in line mode and in the chat, including the start."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from .contenders import LIMIT, compiled_loop, timed
from .figures import Figure, Race, Report, median
from .keyboard import PLACEHOLDER, quiet, typing
from .start import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOBS = 1000
SLOTS = 8
COMMAND = "true"
ROUNDS = 7
OURS = "backburner --json < script"
DRAWN = "the drawn chat, typed"
GOAL = 1.4


def measure(folder: Path) -> Report:
    """Measure it in turns with the loop in C."""
    numbers = itertools.count(1)
    loop = compiled_loop(folder)
    compiled = environment(folder)
    script = folder / "script.chat"
    script.write_text(f"!{COMMAND}\n" * JOBS)

    def ours() -> float:
        number = next(numbers)
        output = folder / f"output-{number}"
        argv = [sys.executable, "-m", "backburner", "--json", "--parallel", str(SLOTS)]
        argv += ["--state-dir", str(folder / f"state-{number}")]
        command = f'"$@" < {script} > {output}'
        seconds = timed(["bash", "-c", command, "-", *argv], variables=compiled)
        complete = output.read_text().count('{"event":"complete"')
        if complete != JOBS:
            raise subprocess.SubprocessError(f"{complete} of {JOBS} jobs completed")
        return seconds

    def drawn() -> float:
        name = f"chat-{next(numbers)}"
        done = folder / f"{name}.done"
        argv, place = quiet(folder, name)
        argv += ["--parallel", str(SLOTS)]
        begun = time.perf_counter()
        with typing(argv, place) as keyboard:
            keyboard.wait_for(PLACEHOLDER)
            # By then all earlier jobs have begun, and all but a few have ended.
            lines = f"!{COMMAND}\r" * (JOBS - 1) + f"!touch {done}\r"
            keyboard.type_until(lines, done.exists)
            return time.perf_counter() - begun

    ways: dict[str, Callable[[], float]] = {}
    if loop is not None:
        # First, as the baseline.
        ways[LIMIT] = lambda: timed([str(loop), str(JOBS), str(SLOTS), COMMAND])
    ways |= {OURS: ours, DRAWN: drawn}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            seconds[name].append(run())
    what = f"a script of {JOBS:,} lines `!{COMMAND}`, {SLOTS} slots, start included"
    figures: tuple[Figure, ...] = ()
    if LIMIT in seconds:
        loops = median(seconds[LIMIT])
        goal = f"at most {GOAL} x the C loop"
        ratio = median(seconds[OURS]) / loops
        other = median(seconds[DRAWN]) / loops
        figures = (
            Figure(what, goal, f"{ratio:.2f} x", ratio <= GOAL),
            Figure("a script typed into the drawn chat", "", f"{other:.2f} x"),
        )
    missing = () if loop is not None else ("a C compiler",)
    return Report(figures=figures, races=(Race(what, seconds, missing),))
