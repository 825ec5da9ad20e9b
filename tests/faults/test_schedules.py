"""Schedules of a program that is killed at random moments and restarted."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from backburner.actors import TaskRequest, TaskSystem
from backburner.actors.journal.sqlite import SqliteJournal
from patience import PATIENCE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors.journal.protocol import Memory

PROGRAM: Final = """
import sys, threading
from backburner.actors import TaskSystem
system = TaskSystem(directory=sys.argv[1])
system.start()
print("open", flush=True)
threading.Event().wait()
"""


def remembered(directory: Path) -> Memory:
    journal = SqliteJournal(directory / "session.db")
    try:
        return journal.load()
    finally:
        journal.release()


def test_a_kill_neither_loses_nor_repeats_a_run(
    tmp_path: Path, chance: random.Random, report: Callable[[str], None], *, soak: bool
) -> None:
    directory = tmp_path / "session"
    with TaskSystem(directory=directory) as system:
        for overlap in (False, True):
            system.schedule(TaskRequest("Tick", "sleep", ("0",)), "1s", overlap=overlap)
    rounds = 60 if soak else 4
    for _ in range(rounds):
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(directory)], stdout=subprocess.PIPE
        )
        assert program.stdout is not None
        assert program.stdout.readline() == b"open\n"
        time.sleep(chance.uniform(0.0, 1.2))
        program.kill()
        program.wait(PATIENCE)
        program.stdout.close()
        memory = remembered(directory)
        for schedule in memory.schedules:
            added = [
                task.id
                for task in memory.tasks
                if task.terms is not None and task.terms.schedule == schedule.id
            ]
            assert schedule.runs == len(added)
            assert schedule.last_task == (added[-1] if added else None)
            passed = schedule.next_due - schedule.made_at
            # Each elapsed time was counted once: the number is whole.
            assert passed % timedelta(seconds=1) == timedelta(0)
    runs = [it.runs for it in remembered(directory).schedules]
    assert all(runs)
    report(f"{rounds} kills, {sum(runs)} runs of 2 schedules")
