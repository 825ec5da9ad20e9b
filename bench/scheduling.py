"""The cost of each change with 100 to 100,000 waiting tasks, and of reopening."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from backburner.actors import (
    AddTask,
    Promise,
    QueueReply,
    TaskAdded,
    TaskEvent,
    TaskFilter,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.rules.scheduler import Scheduler

from .figures import Curves, Figure, Report, median
from .systems import PATIENCE, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZES: Final = (100, 1_000, 10_000, 100_000)
FEW, MANY = SIZES[0], SIZES[-1]
ROUNDS: Final = 7
BATCH: Final = 50
"""Changes timed together, so that reading the clock costs little."""

BATCHES: Final = 12
SLOTS: Final = 8
JOBS: Final = 200
"""Number of jobs started in one round of a whole system."""

OPENED: Final = 0.6
RESOURCES: Final = {"gpu": 4.0, "memory": 2.0**20}
MIXES: Final = ("plain", "mixed", "different")
STEPS: Final = ("add", "start and end", "cancel", "move", "hold and release")


def measure(folder: Path) -> Report:
    """Measure the rules alone, and whole systems; by CPU time, in turns."""
    curves = tuple(_curves(mix) for mix in MIXES)
    figures = [_starts(folder, mix) for mix in MIXES[1:]]
    figures += [_opened(folder, mix) for mix in MIXES]
    return Report(figures=tuple(figures), curves=curves)


def terms_of(mix: str, number: int, *, chained: bool = True) -> Terms | None:
    """Return the terms of a task.

    Args:
        mix: `plain` for none. `mixed`: five priorities, three groups, every third after
            the one before it, a quarter with needs. `different`: like `mixed`, with a
            different need of memory for each.
        number: The id of the task.
        chained: Whether it may depend on the task before it.
    """
    if mix == "plain":
        return None
    needs: tuple[tuple[str, float], ...] = ()
    if mix == "different":
        needs = (("memory", 1000.0 + number),)
    elif number % 4 == 0:
        amount = float(number % 16 + 1) * 2**14
        needs = (("gpu", 1.0),) if number % 8 else (("memory", amount),)
    return Terms(
        priority=number % 5 - 2,
        group=("default", "builds", "deploys")[number % 7 % 3],
        needs=needs,
        after=(number - 1,) if chained and number > 1 and number % 3 == 0 else (),
    )


class _Rules:
    """The rules alone, with waiting tasks, and `SLOTS` running ones."""

    def __init__(self, mix: str, size: int) -> None:
        self._mix = mix
        self._scheduler = Scheduler(RESOURCES)
        self._scheduler.settings.set_group("builds", 2)
        self._ids = itertools.count(1)
        self._running: deque[int] = deque()
        self._ended: dict[int, TaskStatus] = {}
        self._size = size
        for _ in range(size + SLOTS):
            self.add()
        self.fill_slots()
        self.start_and_end()  # a warm-up, which is not counted

    def add(self) -> None:
        """Add one waiting task."""
        number = next(self._ids)
        terms = terms_of(self._mix, number)
        if terms is None:
            self._scheduler.add(number)
        else:
            self._scheduler.add(number, terms, ended=self._ended)

    def fill_slots(self) -> None:
        """Start as many tasks as possible."""
        scheduler = self._scheduler
        while len(self._running) < SLOTS and (it := scheduler.take()) is not None:
            self._running.append(it)

    def start_and_end(self) -> None:
        """End the task that has run longest, and start others."""
        self.end(self._running.popleft(), TaskStatus.COMPLETE)
        self.fill_slots()

    def end(self, task_id: int, status: TaskStatus) -> None:
        """End a task, and those that can't start because of it."""
        self._ended[task_id] = status
        for other in self._scheduler.ended(task_id, status):
            self.end(other, TaskStatus.CANCELED)

    def batch(self) -> dict[str, float]:
        """Perform each step several times; return the seconds per step."""
        scheduler = self._scheduler
        seconds = {"add": _timed(lambda: [self.add() for _ in range(BATCH)])}
        some = list(itertools.islice(iter(scheduler.waiting()), BATCH))
        pairs = list(itertools.pairwise(some))
        # As many as were added, so that the number of waiting tasks stays the same.
        seconds["start and end"] = _timed(
            lambda: [self.start_and_end() for _ in range(BATCH)]
        )
        pairs = [it for it in pairs if all(map(scheduler.is_waiting, it))]
        seconds["move"] = _timed(
            lambda: [scheduler.move_before(a, b) for a, b in pairs]
        ) * (BATCH / max(1, len(pairs)))
        held = [it for it in some if scheduler.is_waiting(it)]
        terms = [scheduler.terms(it) for it in held]
        pairs_of_terms = [(it, _held(it)) for it in terms]

        def hold() -> None:
            for task_id, (free, other) in zip(held, pairs_of_terms, strict=True):
                scheduler.change(task_id, other)
                scheduler.change(task_id, free)

        seconds["hold and release"] = _timed(hold) * (BATCH / max(1, len(held)))
        for _ in range(BATCH):
            self.add()
        newest = scheduler.waiting()[: -BATCH - 1 : -1]
        gone = len(scheduler.waiting())

        def cancel() -> None:
            for task_id in newest:
                if scheduler.is_waiting(task_id):
                    self.end(task_id, TaskStatus.CANCELED)

        took = _timed(cancel)
        gone -= len(scheduler.waiting())
        seconds["cancel"] = took * (BATCH / max(1, gone))
        while len(scheduler.waiting()) < self._size:
            self.add()
        return seconds


def _held(terms: Terms) -> Terms:
    return Terms(
        priority=terms.priority, group=terms.group, needs=terms.needs, held=True
    )


def _curves(mix: str) -> Curves:
    rules = {size: _Rules(mix, size) for size in SIZES}
    costs: dict[tuple[str, int], list[float]] = {}
    for _, size in itertools.product(range(BATCHES), SIZES):
        for step, seconds in rules[size].batch().items():
            costs.setdefault((step, size), []).append(seconds / BATCH)
    return Curves(
        f"rules of the queue, {mix}: µs per change",
        tuple(f"{size:,}" for size in SIZES),
        {step: [median(costs[step, size]) * 1e6 for size in SIZES] for step in STEPS},
    )


class _Whole:
    """A whole system with waiting tasks; each end adds another one.

    Between rounds, tasks that need no slot occupy all slots, so that nothing starts
    while another system is measured.
    """

    def __init__(self, directory: Path, mix: str, size: int) -> None:
        self._mix = mix
        self._numbers = itertools.count(1)
        self.system = system_in(directory)
        self.system.start()
        self.system.set_group("builds", 2)
        self._size = size
        self._block()
        self._fill_up()
        self._watched = Watched(self.system)
        self.round()  # a warm-up, which is not counted

    def _request(self) -> TaskRequest:
        number = next(self._numbers)
        terms = terms_of(self._mix, number, chained=number > 2 * SLOTS)
        return TaskRequest("job", "bash", (":",), terms=terms)

    def _block(self) -> None:
        """Prevent further starts, and wait until the running tasks have ended."""
        self._blocking = [
            self.system.add("slot", "sleep", "1h", terms=Terms(immediate=True)).id
            for _ in range(SLOTS)
        ]
        for _ in self._blocking:
            next(self._numbers)
        while len(self.system.list(TaskFilter.RUNNING)) > SLOTS:
            time.sleep(0.01)

    def _fill_up(self) -> None:
        """Restore the initial number of waiting tasks."""
        waiting = len(self.system.list(TaskFilter.QUEUED))
        _fill(self.system, (self._request() for _ in range(self._size - waiting)))

    def round(self) -> float:
        """Run some jobs, and add as many; return the seconds per job."""
        watched = self._watched
        for task_id in self._blocking:
            self.system.cancel(task_id)
        watched.wait_for(TaskEvent.COMPLETE, SLOTS)
        begun = time.process_time()
        for _ in range(JOBS):
            self.system.queue.tell(AddTask(self._request()))
            watched.wait_for(TaskEvent.COMPLETE)
        took = time.process_time() - begun
        self._block()
        self._fill_up()
        self.system.unsubscribe(watched.news)
        self._watched = Watched(self.system)
        return took / JOBS


def _starts(folder: Path, mix: str) -> Figure:
    """Compare starts among few and among many waiting tasks."""
    wholes = {size: _Whole(folder / f"{mix}-{size}", mix, size) for size in (FEW, MANY)}
    costs: dict[int, list[float]] = {size: [] for size in wholes}
    try:
        for number in range(ROUNDS):
            # The state of memory after the previous system should not favor either.
            for size in sorted(wholes, reverse=bool(number % 2)):
                costs[size].append(wholes[size].round())
    finally:
        for whole in wholes.values():
            whole.system.stop()
    few, many = (median(costs[size]) for size in (FEW, MANY))
    return Figure(
        f"CPU time of a job while {MANY:,} tasks wait ({mix}), relative to {FEW}",
        "at most 1.1 x",
        f"{many / few:.2f} x ({many * 1e3:.2f} and {few * 1e3:.2f} ms)",
        many <= 1.1 * few,
    )


def _opened(folder: Path, mix: str) -> Figure:
    """Reopen a session with many waiting tasks, each time in a new process."""
    directory = folder / f"opened-{mix}"
    with system_in(directory) as system:
        system.pause()
        requests = (
            TaskRequest("job", "bash", (f"make {it}",), terms=terms_of(mix, it))
            for it in range(1, MANY + 1)
        )
        _fill(system, requests)
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(ROUNDS):
        argv = [sys.executable, "-m", "bench.reopening", str(directory)]
        took = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout.split()
        cpu.append(float(took[0]))
        wall.append(float(took[1]))
    middle = median(cpu)
    return Figure(
        f"opening a session with {MANY:,} queued tasks ({mix}): CPU time",
        f"{OPENED} s",
        f"median {middle:.2f} s, least {min(cpu):.2f} s"
        f" (wall time {median(wall):.2f} s)",
        middle <= OPENED,
    )


def system_in(directory: Path) -> TaskSystem:
    """Return an unstarted system with the parameters of all measurements."""
    return TaskSystem(directory=directory, slots=SLOTS, grace=0.5, resources=RESOURCES)


def _fill(system: TaskSystem, requests: Iterator[TaskRequest]) -> None:
    answers: Promise[QueueReply] = Promise()
    under_way = 0
    for request in requests:
        system.queue.tell(AddTask(request, reply_to=answers))
        under_way += 1
        if under_way == BATCH:
            _check(answers.get(PATIENCE))
            under_way -= 1
    for _ in range(under_way):
        _check(answers.get(PATIENCE))


def _check(answer: QueueReply) -> None:
    if not isinstance(answer, TaskAdded):
        raise TypeError(f"refused: {answer}")


def _timed(step: Callable[[], object]) -> float:
    begun = time.process_time()
    step()
    return time.process_time() - begun
