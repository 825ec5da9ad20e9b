"""The time to start a task, and to end a whole tree of processes."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

import psutil
from backburner.actors import CancelTask, TaskEvent

from .figures import Figure, Report, median, percentile
from .systems import Watched, running

if TYPE_CHECKING:
    from pathlib import Path

ADDS = 500
CANCELS = 30
TREE = "for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; echo ready; wait"
TREE_SIZE = 10


def measure(folder: Path) -> Report:
    """Measure both on an idle system with its journal."""
    with running(folder / "latency") as watched:
        starts = [_start(watched) * 1000 for _ in range(ADDS)]
        ends = [_cancel(watched) * 1000 for _ in range(CANCELS)]
    middle, worst = median(starts), percentile(starts, 99)
    gone = median(ends)
    return Report(
        figures=(
            Figure(
                "from add to running, idle system, journal on",
                "median 3 ms, p99 10 ms",
                f"median {middle:.2f} ms, p99 {worst:.2f} ms",
                middle <= 3 and worst <= 10,
            ),
            Figure(
                f"from the cancel of {TREE_SIZE} processes to the last exit",
                "20 ms",
                f"median {gone:.1f} ms, longest {max(ends):.1f} ms",
                gone <= 20,
            ),
        )
    )


def _start(watched: Watched) -> float:
    begun = time.perf_counter()
    watched.tell("bash", "true")
    watched.wait_for(TaskEvent.RUNNING)
    seconds = time.perf_counter() - begun
    watched.wait_for(TaskEvent.COMPLETE)
    return seconds


def _cancel(watched: Watched) -> float:
    watched.tell("bash", TREE)
    task = watched.wait_for(TaskEvent.RUNNING).task
    tree = _tree_of(watched, task.id)
    exits = [os.pidfd_open(process.pid) for process in tree]
    begun = time.perf_counter()
    watched.system.queue.tell(CancelTask(task.id))
    waiting = set(exits)
    while waiting:
        ready, _, _ = select.select(list(waiting), [], [], 10)
        if not ready:
            raise TimeoutError("a canceled process goes on")
        waiting.difference_update(ready)
    seconds = time.perf_counter() - begun
    for exit_fd in exits:
        os.close(exit_fd)
    watched.wait_for(TaskEvent.CANCELED)
    return seconds


def _tree_of(watched: Watched, task_id: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for child in psutil.Process().children():
            tree = [child, *child.children(recursive=True)]
            if len(tree) == TREE_SIZE and watched.system.get(task_id).last_line:
                return tree
        time.sleep(0.01)
    raise TimeoutError("the tree of processes did not grow")
