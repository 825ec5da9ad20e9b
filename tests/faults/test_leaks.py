"""A long session needs no more for its last tasks than for its first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil
from backburner.actors import TaskEvent
from conditions import until

from tests.faults.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable

_HISTORY: Final = 1000
_ROUND: Final = 50
_KINDS: Final = (
    "!true",
    "!echo out; exit 1",
    '/task "Nap" sleep 1ms',
    "!seq 100",
    "/cancel last",
    "/show last",
    "/output last",
    "/tasks --running",
    "only said",
)


@dataclass(frozen=True)
class _Needs:
    threads: int
    files: int
    memory: int

    @classmethod
    def of(cls, program: Program) -> Self:
        process = psutil.Process(program.process.pid)
        return cls(
            process.num_threads(), process.num_fds(), process.memory_full_info().uss
        )

    def __str__(self) -> str:
        return (
            f"{self.threads} threads, {self.files} files,"
            f" {self.memory / (1 << 20):.1f} MiB"
        )


def _opened(program: Program, name: str) -> int:
    files = psutil.Process(program.process.pid).open_files()
    return sum(Path(it.path).name == name for it in files)


def _run(program: Program, first: int, count: int) -> None:
    """Run tasks with these ids, and wait until the session is idle."""
    for start in range(first, first + count, _ROUND):
        commands = [_KINDS[i % 4] for i in range(_ROUND)]
        program.send(*commands, *_KINDS[4:])
        for task_id in range(start, start + _ROUND):
            program.wait_for_end(task_id)
    program.send("/wait")
    program.forget_lines()


def test_resource_usage_does_not_grow(
    state: Path, report: Callable[[str], None], *, soak: bool
) -> None:
    # By then the history is full and everything is loaded.
    warm_up = _HISTORY + 500 if soak else 200
    count = 10_000 if soak else 500
    # SQLite's page cache takes two MiB, and the history grows until it is full.
    room = (4 if soak else 6) << 20
    with Program(state) as program:
        _run(program, 1, warm_up)
        # SQLite keeps the descriptor of the first deletion and reuses it.
        until(lambda: _opened(program, "session.db") == 2)
        before = _Needs.of(program)
        _run(program, warm_up + 1, count)
        # A thread that helped with starts ends after a moment.
        until(lambda: _Needs.of(program).threads <= before.threads)
        after = _Needs.of(program)
        program.send("!true")
        program.wait_for_event(TaskEvent.COMPLETE, warm_up + count + 1)
        program.send("/quit")
        program.wait()
    report(f"before {count} tasks: {before}; after: {after}")
    assert after.threads <= before.threads
    assert after.files <= before.files
    assert after.memory - before.memory < room
