"""The queue against a naive model of its rules: pauses, failures, batches, schedules.

The order of starts under resources, times and dependencies is compared in
`tests/rules/test_scheduler.py`; this is about requests to the whole queue.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import (
    AddSchedule,
    AddTask,
    CancelTask,
    CatchUp,
    EditTask,
    GetRules,
    ListTasks,
    PauseQueue,
    PauseTask,
    RulesFound,
    SetGroup,
    TaskAdded,
    TaskList,
    TaskRequest,
    Terms,
)
from backburner.actors.journal.protocol import Journal
from backburner.actors.kinds import Kinds
from backburner.actors.messages import (
    ClaimTasks,
    OpenQueue,
    QueueReply,
    RunnerMessage,
    TaskEnded,
)
from backburner.actors.queue.config import QueueConfig
from backburner.actors.queue_actor import QueueActor
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.outcome import Outcome
from backburner.actors.rules.schedules import ScheduleBook
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, Recorder
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors.messages import QueueRequest

SLOTS: Final = 3
GROUPS: Final = ("default", "builds", "deploys")
STEPS: Final = 80
EVERY: Final = 10.0
"""The seconds between two runs of the schedule; time passes in these steps."""


@dataclass
class One:
    """A task of the model."""

    command: str
    group: str = "default"
    priority: int = 0
    batch: str = ""
    status: str = "queued"
    held: bool = False
    paused: bool = False
    ran: float = 0.0


@dataclass
class Naive:
    """Answers every question by looking at every task."""

    tasks: list[One] = field(default_factory=list[One])
    paused: set[str | None] = field(default_factory=set[str | None])
    pausing: set[str] = field(default_factory=set[str])  # pauses when a task fails
    most: int = 2  # the most failures of a batch
    missed: int = 0

    def of(self, status: str) -> list[One]:
        return [it for it in self.tasks if it.status == status]

    def stands(self, group: str) -> bool:
        return None in self.paused or group in self.paused

    def fails(self, batch: str) -> int:
        return sum(it.batch == batch for it in self.of("failed")) if batch else 0

    def settle(self) -> None:
        """Cancel tasks that can't start any more, and start those that may."""
        for it in self.of("queued"):
            if self.fails(it.batch) >= self.most:
                it.status = "canceled"
        while len(self.of("running")) < SLOTS:
            ready = [
                it
                for it in self.of("queued")
                if not it.held and not self.stands(it.group)
            ]
            if not ready:
                return
            max(ready, key=lambda it: it.priority).status = "running"

    def end(self, it: One, status: str) -> None:
        it.status, it.paused = status, False
        if status == "failed" and it.group in self.pausing:
            self.paused.add(it.group)

    def make_good(self) -> None:
        """Add one run for all missed ones, once it may start."""
        if self.missed and not self.stands("default"):
            self.missed = 0
            self.tasks.append(One("tick"))

    def pass_time(self) -> None:
        for it in self.of("running"):
            it.ran += 0.0 if it.paused else EVERY
        self.missed += 1
        self.make_good()


class Pair:
    """Sends the same requests to a queue and to the model, and compares them."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.naive = Naive()
        self.clock = ManualClock(datetime(2026, 1, 2, tzinfo=UTC))
        self.runner = Recorder[RunnerMessage]("the runner")
        config = QueueConfig(
            Kinds([FakeKind()]), folder, 1000, self.clock, DeadLetters()
        )
        self.queue = QueueActor.start(
            config, TaskBook(), Journal(), schedules=ScheduleBook()
        )
        self.queue.ask(OpenQueue(), timeout=PATIENCE)
        self.queue.tell(ClaimTasks(self.runner, SLOTS, SLOTS))
        request = TaskRequest("tick", "fake", ("tick",), directory="/")
        every = f"{EVERY:g}s"
        self.ask(AddSchedule(request, every, "UTC", CatchUp.ONCE, overlap=True))

    def ask(self, request: QueueRequest) -> QueueReply:
        reply: object = self.queue.ask(request, timeout=PATIENCE)
        assert isinstance(reply, QueueReply)
        return reply

    def pick(self, *statuses: str) -> tuple[int, One] | None:
        found = [
            (number, it)
            for number, it in enumerate(self.naive.tasks, 1)
            if it.status in statuses
        ]
        return self.chance.choice(found) if found else None

    def add(self) -> None:
        chance = self.chance
        one = One(chance.choice("abcd"), chance.choice(GROUPS), chance.randrange(3))
        one.batch = chance.choice(["", "", "first", "second"])
        terms = Terms(
            group=one.group,
            priority=one.priority,
            batch=one.batch,
            max_fails=self.naive.most if one.batch else None,
        )
        request = TaskRequest("job", "fake", (one.command,), directory="/", terms=terms)
        unless = chance.random() < 0.3
        twins = [it for it in self.naive.of("queued") if it.command == one.command]
        reply = self.ask(AddTask(request, unless_queued=unless))
        assert isinstance(reply, TaskAdded)
        if unless and twins:
            assert reply.existed
            assert self.naive.tasks[reply.task.id - 1] in twins
            return
        assert not reply.existed
        self.naive.tasks.append(one)

    def edit(self) -> None:
        if (found := self.pick("queued")) is not None:
            task_id, it = found
            it.command = self.chance.choice("abcd")
            self.ask(EditTask(task_id, None, (it.command,)))

    def end(self) -> None:
        if (found := self.pick("running")) is None:
            return
        task_id, it = found
        failed = self.chance.random() < 0.4
        outcome = Outcome.failed("exit status 1") if failed else Outcome.complete()
        self.queue.tell(TaskEnded(task_id, outcome, claims=1))
        self.naive.end(it, "failed" if failed else "complete")

    def cancel(self) -> None:
        if (found := self.pick("queued", "running")) is None:
            return
        task_id, it = found
        self.ask(CancelTask(task_id, "canceled by you"))
        if it.status == "running":
            canceled = Outcome.canceled("canceled by you")
            self.queue.tell(TaskEnded(task_id, canceled, claims=1))
        self.naive.end(it, "canceled")

    def pause_task(self) -> None:
        if (found := self.pick("queued", "running")) is None:
            return
        task_id, it = found
        paused = self.chance.random() < 0.5
        self.ask(PauseTask(task_id, paused))
        if it.status == "queued":
            it.held = paused
        else:
            it.paused = paused

    def pause(self) -> None:
        """Pause or drain everything, or a group."""
        group = self.chance.choice([*GROUPS, None])
        drain = self.chance.random() < 0.5
        self.ask(PauseQueue(group, drain=drain))
        self.naive.paused.add(group)
        for it in self.naive.of("running"):
            if not drain and group in {it.group, None}:
                it.paused = True

    def resume(self) -> None:
        group = self.chance.choice([*GROUPS, None, None])
        self.ask(PauseQueue(group, paused=False))
        self.clock.advance(0.0)  # the missed run is due now
        self.naive.paused.discard(group)
        for it in self.naive.of("running"):
            if group in {it.group, None} and not self.naive.stands(it.group):
                it.paused = False
        self.naive.make_good()

    def pause_on_failure(self) -> None:
        group = self.chance.choice(GROUPS)
        pauses = self.chance.random() < 0.5
        self.ask(SetGroup(group, None, pauses))
        (self.naive.pausing.add if pauses else self.naive.pausing.discard)(group)

    def pass_time(self) -> None:
        self.clock.advance(EVERY)
        self.naive.pass_time()

    def compare(self) -> None:
        self.naive.settle()
        found = self.ask(ListTasks())
        assert isinstance(found, TaskList)
        assert [
            (str(it.status), it.is_paused, round(it.duration or 0.0, 6))
            for it in found.tasks
        ] == [(it.status, it.paused, it.ran) for it in self.naive.tasks]
        rules = self.ask(GetRules())
        assert isinstance(rules, RulesFound)
        paused = {it.name for it in rules.rules.groups if it.paused}
        assert paused == self.naive.paused - {None}
        assert rules.rules.paused is (None in self.naive.paused)


@pytest.mark.parametrize("seed", range(15))
def test_the_queue_matches_the_model(tmp_path: Path, seed: int) -> None:
    pair = Pair(tmp_path, random.Random(seed))  # noqa: S311 - to be repeated
    steps: list[tuple[float, Callable[[], None]]] = [
        (6, pair.add),
        (6, pair.end),
        (1, pair.cancel),
        (1, pair.edit),
        (2, pair.pause_task),
        (1, pair.pause),
        (2, pair.resume),
        (1, pair.pause_on_failure),
        (1, pair.pass_time),
    ]
    weights, calls = zip(*steps, strict=True)
    try:
        for call in pair.chance.choices(calls, weights, k=STEPS):
            call()
            pair.compare()
    finally:
        pair.queue.stop(timeout=PATIENCE)
