"""1,000 short jobs, from the first `tell` to the last notification."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from backburner.actors import TaskEvent

from .contenders import LIMIT, POOL, contenders
from .figures import Figure, Race, Report, median
from .systems import running

if TYPE_CHECKING:
    from pathlib import Path

JOBS = 1000
SLOTS = 8
COMMAND = "true"
ROUNDS = 7
OURS = "backburner"


def measure(folder: Path) -> Report:
    """Measure it in turns with alternatives that a user might choose."""
    # Deleting files slows down their creation on some file systems, so nothing is
    # deleted until all is done.
    numbers = itertools.count(1)
    others, missing = contenders(folder, COMMAND, JOBS, SLOTS)
    ways = {**others, OURS: lambda: backburner(folder / f"round-{next(numbers)}")}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            seconds[name].append(run())
    what = f"{JOBS:,} x `bash -c {COMMAND}`, {SLOTS} slots"
    return Report(
        figures=tuple(_compare(what, seconds)), races=(Race(what, seconds, missing),)
    )


def backburner(directory: Path) -> float:
    """Run the jobs in a new session; return the seconds."""
    with running(directory, SLOTS) as watched:
        begun = time.perf_counter()
        for _ in range(JOBS):
            watched.tell("bash", COMMAND)
        watched.wait_for(TaskEvent.COMPLETE, JOBS)
        return time.perf_counter() - begun


def _compare(what: str, seconds: dict[str, list[float]]) -> list[Figure]:
    medians = {name: median(values) for name, values in seconds.items()}
    goals = {LIMIT: ("the C loop", 1.2), POOL: ("the thread pool", 1.1)}
    figures: list[Figure] = []
    for name, (short, most) in goals.items():
        if name in medians:
            ratio = medians[OURS] / medians[name]
            goal = f"at most {most} x {short}"
            figures.append(
                Figure(f"{what}, journal on", goal, f"{ratio:.2f} x", ratio <= most)
            )
    return figures
