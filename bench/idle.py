"""The cost of an idle system, and of very many silent jobs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psutil
from backburner.actors import TaskEvent

from .figures import Figure, Report
from .systems import running

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60
SILENT = 8
MANY = 1000
MANY_SECONDS = 20


def measure(folder: Path) -> Report:
    """Measure a system without tasks, with a few silent ones, and with very many."""
    with running(folder / "idle") as watched:
        watched.tell("bash", "true")
        watched.wait_for(TaskEvent.COMPLETE)
        nothing = _cpu(SECONDS)
        for _ in range(SILENT):
            watched.tell("bash", "sleep 600")
        watched.wait_for(TaskEvent.RUNNING, SILENT)
        silent = _cpu(SECONDS)
        watched.system.cancel_all()
        watched.wait_for(TaskEvent.CANCELED, SILENT)
    return Report(
        figures=(
            Figure(
                f"idle for {SECONDS} s, nothing running: CPU time",
                "0 ticks of 10 ms",
                f"{nothing * 100:.0f} ticks",
                nothing == 0,
            ),
            Figure(
                f"idle for {SECONDS} s, {SILENT} silent tasks: CPU",
                "0.5 % of a core",
                f"{silent / SECONDS:.2%}",
                silent / SECONDS <= 0.005,
            ),
            *_many(folder),
        )
    )


def _many(folder: Path) -> tuple[Figure, ...]:
    with running(folder / "many", slots=MANY) as watched:
        begun = time.perf_counter()
        for _ in range(MANY):
            watched.tell("bash", "exec sleep 600")
        watched.wait_for(TaskEvent.RUNNING, MANY)
        seconds = time.perf_counter() - begun
        _until_all_run(MANY)
        time.sleep(5.0)  # for the first look at each job
        threads = threading.active_count()
        cpu = _cpu(MANY_SECONDS) / MANY_SECONDS
        watched.system.cancel_all()
        watched.wait_for(TaskEvent.CANCELED, MANY)
    what = f"{MANY:,} tasks running at once (`sleep`), {threads:,} threads"
    return (
        Figure(what, "all run", f"all Running after {seconds:.1f} s", reached=True),
        Figure(
            f"{MANY:,} tasks running at once: CPU",
            "5 % of a core",
            f"{cpu:.1%}",
            cpu < 0.05,
        ),
    )


def _until_all_run(count: int) -> None:
    deadline = time.monotonic() + 60
    while len(psutil.Process().children()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all of {count} processes have started")
        time.sleep(0.1)


def _cpu(seconds: float) -> float:
    """Return the CPU seconds that this process uses during a period."""
    before = time.process_time()
    own = time.thread_time()
    time.sleep(seconds)
    # The kernel counts in ticks of 10 ms; less is the cost of reading the clock.
    used = time.process_time() - before - (time.thread_time() - own)
    return max(0.0, round(used, 2))
