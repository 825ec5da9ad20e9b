"""Jobs that print a lot: their speed, and the cost for this process."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
from backburner.actors import TaskEvent

from .figures import Figure, Report, median
from .systems import running

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 1 << 30
WRITER = f"head -c {SIZE} /dev/zero"
ROUNDS = 6
FLOOD_SECONDS = 10
FLOOD = "3G"  # maximum output of each job, to spare the disk


def measure(folder: Path) -> Report:
    """Measure the speed of one writer, and the memory under four endless ones."""
    return Report(figures=(_speed(folder), _growth(folder)))


def _speed(folder: Path) -> Figure:
    ours: list[float] = []
    shell: list[float] = []
    with running(folder / "writer") as watched:
        file = folder / "shell.log"
        for number in range(2 * ROUNDS):
            # A program that writes just after another one has to wait for the disk.
            if number % 4 in {0, 3}:
                begun = time.perf_counter()
                subprocess.run(["bash", "-c", f"{WRITER} > {file}"], check=True)
                shell.append(time.perf_counter() - begun)
                file.unlink()
            else:
                begun = time.perf_counter()
                watched.tell("bash", WRITER)
                watched.wait_for(TaskEvent.COMPLETE)
                ours.append(time.perf_counter() - begun)
                watched.system.forget_finished()
            os.sync()
    speed = median(shell) / median(ours)
    return Figure(
        "one task writing 1 GB",
        "0.9 x the speed of a shell redirect",
        f"{speed:.2f} x ({median(ours):.2f} s and {median(shell):.2f} s)",
        speed >= 0.9,
    )


def _growth(folder: Path) -> Figure:
    with running(folder / "flood", output_limit=1 << 40) as watched:
        for _ in range(4):
            watched.tell("bash", f"yes | head -c {FLOOD}; sleep 600")
        watched.wait_for(TaskEvent.RUNNING, 4)
        time.sleep(0.5)
        process = psutil.Process()
        before = process.memory_info().rss
        time.sleep(FLOOD_SECONDS)
        growth = process.memory_info().rss - before
        watched.system.cancel_all()
        watched.wait_for(TaskEvent.CANCELED, 4)
    return Figure(
        f"4 x `yes` for {FLOOD_SECONDS} s: memory growth",
        "5 MB",
        f"{growth / 1e6:.1f} MB",
        growth <= 5_000_000,
    )
