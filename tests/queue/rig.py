"""The QueueActor alone, with recorders in place of other actors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from backburner.actors import (
    Acknowledged,
    AddTask,
    ChatMessage,
    GetTask,
    ListTasks,
    Notification,
    Outcome,
    QueueActor,
    Refused,
    Subscribe,
    Task,
    TaskAdded,
    TaskChanged,
    TaskFound,
    TaskList,
    TaskRequest,
)
from backburner.actors.journal.errors import DamagedJournalError, JournalError
from backburner.actors.journal.protocol import Everything, Journal
from backburner.actors.messages import (
    ClaimTasks,
    QueueMessage,
    RunnerMessage,
    TaskEnded,
)
from backburner.actors.testing import FakeKind, ManualClock, Recorder
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pykka
    from backburner.actors.rules.output_news import OutputNews
    from backburner.actors.rules.process_record import ProcessRecord
    from backburner.actors.rules.variables import Variables
    from backburner.actors.runtime.sending import DeadLetters


AnswerT = TypeVar("AnswerT")

DONE = Outcome.complete("exit status 0", 0)


class RecordingJournal(Journal):
    """Lists the stored, committed and announced changes in order."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.failure: str | JournalError | None = None
        self.patience: float | None = None
        self.damage: str | None = None
        self.closed: bool | None = None

    def changed(
        self,
        change: TaskChanged,
        environment: Variables | None = None,
        *,
        always: bool = False,
    ) -> None:
        del environment, always
        self.log.append(("noted", change.seq))

    def runs_as(self, process: ProcessRecord) -> None:
        self.log.append(process)

    def forgot(self, ids: Iterable[int]) -> None:
        self.log.append(("forgot", tuple(ids)))

    def said(self, message: ChatMessage, seq: int) -> None:
        self.log.append((message.text, seq))

    def shown(self, seq: int) -> None:
        self.log.append(("shown", seq))

    def commit(self) -> None:
        if isinstance(self.failure, JournalError):
            raise self.failure
        if self.failure is not None:
            raise JournalError(self.failure)
        if self.damage is not None:
            raise DamagedJournalError(self.damage)
        self.log.append("commit")

    def be_patient(self, seconds: float) -> None:
        self.patience = seconds

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        self.damage = None
        self.log.append(("started over", [task.id for task in everything.tasks]))
        return f"{why}; set aside"

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        raise JournalError(f"can't read {limit} lines")

    def close(self, *, clean: bool) -> None:
        self.closed = clean


@dataclass
class Rig:
    """A QueueActor and its surroundings."""

    queue: pykka.ActorRef[QueueActor]
    clock: ManualClock
    kind: FakeKind
    dead_letters: DeadLetters
    output: Path
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )

    def tell(self, message: QueueMessage) -> None:
        self.queue.tell(message)

    def ask(self, message: QueueMessage, answer: type[AnswerT]) -> AnswerT:
        reply: object = self.queue.ask(message, timeout=PATIENCE)
        assert isinstance(reply, answer)
        return reply

    def add(self, description: str = "Build", *args: str) -> Task:
        request = TaskRequest(description, "fake", args)
        return self.ask(AddTask(request), TaskAdded).task

    def get(self, task_id: int) -> Task:
        return self.ask(GetTask(task_id), TaskFound).task

    def claim(self, count: int, slots: int = 8) -> None:
        """Give the queue room for tasks, and wait until it has noted it."""
        self.tell(ClaimTasks(self.runner, count, slots))
        self.ask(ListTasks(), TaskList)

    def end(
        self, task_id: int, outcome: Outcome = DONE, news: OutputNews | None = None
    ) -> Task:
        self.tell(TaskEnded(task_id, outcome, news))
        return self.get(task_id)

    def subscribe(self, name: str = "the subscriber") -> Recorder[Notification]:
        subscriber: Recorder[Notification] = Recorder(name)
        self.ask(Subscribe(subscriber), Acknowledged)
        return subscriber

    def refusal(self, message: QueueMessage) -> Refused:
        return self.ask(message, Refused)


def events(subscriber: Recorder[Notification]) -> list[tuple[int, str, int]]:
    return [
        (change.seq, change.event.value, change.task.id)
        for change in subscriber.of(TaskChanged)
    ]


def statuses(tasks: Iterable[Task]) -> list[tuple[int, str]]:
    return [(task.id, task.status.value) for task in tasks]


StartQueue = Callable[..., Rig]
