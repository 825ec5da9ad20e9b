"""The chat in a program whose tasks change faster than anyone could read.

python -m bench.busy_chat FOLDER NOTIFICATIONS_PER_SECOND
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from backburner.actors import AddTask, BashKind, TaskRequest, TaskSystem
from backburner.ui.chat.run import ChatOptions, run_chat

if TYPE_CHECKING:
    from backburner.actors import JobContext, JobEnd

TASKS = 8
SLOTS = 16
STEP = 0.005
"""Seconds between two updates of some tasks."""


class Counting:
    """A job whose progress differs at every look."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self._percent = itertools.cycle(range(100))

    def look(self) -> JobEnd | None:
        """Never end."""

    def progress(self) -> int:
        """Return the next number."""
        return next(self._percent)

    def pid(self) -> None:
        """Return None: there is no process."""

    def stop(self) -> None:
        """Ignore it; the program is killed at the end."""

    def kill(self) -> None:
        """Ignore it."""


class CountingKind:
    """Jobs that send updates when told to."""

    name = "count"
    usage = ""
    summary = "have news"
    writes_output = False

    def __init__(self) -> None:
        self.jobs: list[Counting] = []

    def check(self, args: tuple[str, ...]) -> None:
        """Accept any arguments."""

    def start(self, context: JobContext) -> Counting:
        """Start counting."""
        self.jobs.append(Counting(context))
        return self.jobs[-1]


def _keep_counting(kind: CountingKind, per_second: float) -> None:
    done, begun = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - begun) * per_second)
        for number in range(done, due if kind.jobs else done):
            kind.jobs[number % len(kind.jobs)].context.look()
        done = due
        time.sleep(STEP)


def main() -> int:
    """Run the chat, and return its exit status."""
    folder, per_second = Path(sys.argv[1]), float(sys.argv[2])
    kind = CountingKind()
    with TaskSystem(directory=folder, slots=SLOTS, kinds=[BashKind(), kind]) as system:
        for _ in range(TASKS):
            system.queue.tell(AddTask(TaskRequest("Count", "count")))
        threading.Thread(
            target=_keep_counting, args=(kind, per_second), daemon=True
        ).start()
        return run_chat(system, ChatOptions("busy", folder))


if __name__ == "__main__":
    sys.exit(main())
