"""The rate at which tasks are added, and their cost while they wait or run."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import msgspec
import psutil
from backburner.actors import (
    AddTask,
    Promise,
    QueueReply,
    TaskAdded,
    TaskEvent,
    TaskRequest,
    TaskSystem,
)

from .figures import Figure, Report, median
from .systems import PATIENCE, running

if TYPE_CHECKING:
    from pathlib import Path

TASKS = 100_000
TENTH = TASKS // 10
RUNNING = 200
ROUNDS = 5


def measure(folder: Path) -> Report:
    """Measure both; the single slot is taken, so that added tasks wait."""
    runs = [_add(folder / f"adding-{number}") for number in range(ROUNDS)]
    # Only the first run has fresh memory; later ones reuse what it freed.
    queued = runs[0].memory
    speed = median([run.speed for run in runs])
    growth = median([run.growth for run in runs])
    return Report(
        figures=(
            Figure(
                f"{TASKS:,} adds, acknowledged and journaled",
                "10,000 tasks/s",
                f"{speed:,.0f} tasks/s",
                speed >= 10_000,
            ),
            Figure(
                "time of the last 10 % of these adds, relative to the first 10 %",
                "at most 1.2 x",
                f"median {growth:.2f} x",
                growth <= 1.2,
            ),
            Figure(
                "memory per queued task",
                "2 kB",
                f"{queued / 1000:.2f} kB",
                queued <= 2000,
            ),
            _running(folder),
        )
    )


class _Run(msgspec.Struct, frozen=True):
    speed: float
    growth: float
    memory: float


def _add(directory: Path) -> _Run:
    with running(directory, slots=1) as watched:
        watched.tell("sleep", "1h", description="takes the slot")
        watched.wait_for(TaskEvent.RUNNING)
        before = _memory()
        watched.system.unsubscribe(watched.news)
        times = fill(watched.system, TASKS)
        memory = (_memory() - before) / TASKS
    first, last = times[TENTH - 1] - times[0], times[-1] - times[-TENTH]
    return _Run(TASKS / (times[-1] - times[0]), last / first, memory)


def fill(system: TaskSystem, count: int) -> list[float]:
    """Add tasks by `tell`; return the times of their acknowledgements."""
    answers: Promise[QueueReply] = Promise()
    times: list[float] = []
    sent = 0
    # A bounded number of pending requests, as of a client that waits for answers.
    window = 1000
    while len(times) < count:
        while sent < count and sent - len(times) < window:
            request = TaskRequest("Run the tests", "bash", (f"make test-{sent}",))
            system.queue.tell(AddTask(request, reply_to=answers))
            sent += 1
        answer = answers.get(PATIENCE)
        if not isinstance(answer, TaskAdded):
            raise TypeError(f"refused: {answer}")
        times.append(time.perf_counter())
    return times


def _running(folder: Path) -> Figure:
    with running(folder / "many", slots=RUNNING + 1) as watched:
        # The first task triggers one-time imports.
        watched.tell("bash", "sleep 600")
        watched.wait_for(TaskEvent.RUNNING)
        before = _memory()
        for _ in range(RUNNING):
            watched.tell("bash", "sleep 600")
        watched.wait_for(TaskEvent.RUNNING, RUNNING)
        time.sleep(1.0)  # for the first look at each task
        each = (_memory() - before) / RUNNING
        watched.system.cancel_all()
        watched.wait_for(TaskEvent.CANCELED, RUNNING + 1)
    return Figure(
        f"memory per running task, {RUNNING} at once",
        "100 kB",
        f"{each / 1000:.1f} kB",
        each <= 100_000,
    )


def _memory() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss
