"""A TaskActor alone, with its surroundings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backburner.actors import Outcome, ShortageError, Task, TaskActor
from backburner.actors.job.config import TaskActorConfig
from backburner.actors.messages import (
    JobEnded,
    Look,
    QueueMessage,
    RunnerMessage,
    TaskActorMessage,
)
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, ManualExits, Recorder, Step
from patience import PATIENCE

if TYPE_CHECKING:
    import pykka
    from backburner.actors.testing import FakeJob


_KEY = f"rig-{os.getpid():x}"
"""Unique to this run, because processes with the mark of a task are killed."""

GRACE = 5.0

LIMIT = 2048

CANCELED = Outcome.canceled("canceled by you")


@dataclass
class Rig:
    """A TaskActor and its surroundings."""

    kind: FakeKind
    task: Task
    clock: ManualClock = field(default_factory=ManualClock)
    queue: Recorder[QueueMessage] = field(
        default_factory=lambda: Recorder[QueueMessage]("the queue")
    )
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )
    actor: pykka.ActorRef[TaskActor] = field(init=False)

    def start(self) -> None:
        config = TaskActorConfig(
            clock=self.clock,
            exits=ManualExits(),
            dead_letters=DeadLetters(),
            session_key=_KEY,
            grace=GRACE,
            output_limit=LIMIT,
        )
        self.actor = TaskActor.start(
            self.task, self.kind, self.queue, self.runner, config
        )

    def tell(self, message: TaskActorMessage) -> None:
        self.actor.tell(message)

    def begin(self) -> FakeJob:
        self.start()
        return self.kind.job(self.task.id)

    def end(self) -> JobEnded:
        """Return the job's end; it must be the actor's one last message."""
        ended = self.runner.wait_for(JobEnded)
        assert self.actor.actor_stopped.wait(PATIENCE)
        assert self.runner.received == (ended,)
        assert ended.task_id == self.task.id
        return ended

    def settle(self) -> None:
        """Wait until the actor has handled its messages."""
        self.actor.ask(Look(), timeout=PATIENCE)


def shortage(name: str) -> dict[Step, BaseException]:
    return {"start": ShortageError(name)}


StartActor = Callable[[FakeKind], Rig]
