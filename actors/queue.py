"""The QueueActor: owner of all state, and the only writer of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, assert_never

from .book import TaskBook, UnknownTaskError
from .kinds import InvalidRequestError, Kinds
from .messages import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ClaimTasks,
    CloseQueue,
    ForgetFinished,
    Forgotten,
    GetTask,
    ListTasks,
    Notification,
    QueueMessage,
    QueueReply,
    Refused,
    RunnerMessage,
    StartTask,
    StopTask,
    Subscribe,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskEnded,
    TaskEvent,
    TaskFound,
    TaskList,
    TaskProcess,
    TaskProgressed,
    TasksForgotten,
    Unsubscribe,
)
from .safe_text import is_unicode, safe_line
from .supervision import DeadLetters, Recipient, SafeActor, logger
from .task import Outcome, Task, TaskFilter, TaskRequest, TaskStatus

if TYPE_CHECKING:
    from .clock import Clock
    from .kinds import Kind

BATCH: Final = 256
"""Messages handled before what they led to is sent at the latest."""


class QueueActor(SafeActor[QueueMessage]):
    """Holds the task book, and tells everybody who asked what changes in it.

    In: see `QueueMessage`. Out: `Subscribed`, `TaskChanged` and `TasksForgotten` to
    every subscriber, `StartTask` and `StopTask` to the runner, answers to
    whoever asked.

    Whatever waits in the mailbox is handled as one batch: first all of it is applied,
    then everything that follows from it is sent.

    Args:
        book: The tasks.
        kinds: What kinds of tasks are accepted.
        output: The folder of the output files.
        clock: The time.
        dead_letters: Counts what reaches nobody.
    """

    def __init__(
        self,
        book: TaskBook,
        kinds: Kinds,
        output: Path,
        clock: Clock,
        dead_letters: DeadLetters,
    ) -> None:
        super().__init__(dead_letters)
        self._book = book
        self._kinds = kinds
        self._output_template = str(output / "{id}.log")
        self._clock = clock
        self._seq = 0
        self._subscribers: list[Recipient[Notification]] = []
        self._outbox: list[tuple[Recipient[Any], Any]] = []
        self._handled = 0
        self._runner: Recipient[RunnerMessage] | None = None
        self._claims = 0
        self._slots = 0
        self._pids: dict[int, int] = {}
        self._closed = False

    def handle(self, message: QueueMessage) -> QueueReply | None:
        """Handle one message; if it is the last of a batch, send what follows."""
        answer = self._apply(message)
        return self._conclude(message, answer)

    def on_error(
        self, message: QueueMessage, error: BaseException
    ) -> QueueReply | None:
        """Answer the asker nevertheless, and send what had been applied before."""
        refused = Refused(
            safe_line(f"internal error: {error!r}; see the log"),
            correlation_id=getattr(message, "correlation_id", None),
        )
        return self._conclude(message, refused)

    def on_stop(self) -> None:
        """Send what is left to be sent."""
        self._flush()

    def _conclude(
        self, message: QueueMessage, answer: QueueReply | None
    ) -> QueueReply | None:
        self._handled += 1
        reply_to = getattr(message, "reply_to", None)
        if answer is not None and reply_to is not None:
            self._outbox.append((reply_to, answer))
            answer = None
        # An asker must not hear of what has not been sent, and waits for it already.
        if answer is not None or self._handled >= BATCH or self.actor_inbox.empty():
            self._flush()
        return answer

    def _flush(self) -> None:
        self._handled = 0
        while self._outbox:
            outbox, self._outbox = self._outbox, []
            for recipient, message in outbox:
                if not self.post(recipient, message):
                    self._undelivered(recipient, message)

    def _undelivered(self, recipient: Recipient[Any], message: object) -> None:
        self._unsubscribe(recipient)
        if isinstance(message, StartTask):
            self._claims = 0
            outcome = Outcome.failed("could not be started: the runner is gone")
            at = self._clock.now()
            self._changed(self._book.end(message.task.id, outcome, at))

    def _apply(self, message: QueueMessage) -> QueueReply | None:
        match message:
            case AddTask():
                return self._add(message.request, message.correlation_id)
            case GetTask():
                return self._get(message)
            case ListTasks(which=which, correlation_id=correlation_id):
                tasks = self._book.list(which, self._clock.now())
                return TaskList(tasks, self._book.counts(), correlation_id)
            case CancelTask():
                return self._cancel_one(message)
            case CancelAll():
                return self._cancel_all(message)
            case ForgetFinished(correlation_id=correlation_id):
                ids = self._forget(self._book.forget_finished())
                return Forgotten(ids, correlation_id)
            case Subscribe():
                return self._subscribe(message)
            case Unsubscribe(subscriber=subscriber, correlation_id=correlation_id):
                self._unsubscribe(subscriber)
                return Acknowledged(correlation_id)
            case CloseQueue(correlation_id=correlation_id):
                self._close(message)
                return Acknowledged(correlation_id)
            case ClaimTasks(runner=runner, count=count, slots=slots):
                self._runner = runner
                self._slots = slots
                self._claims += count
                self._assign()
            case TaskProcess(task_id=task_id, pid=pid):
                self._pids[task_id] = pid
            case TaskProgressed():
                self._progress(message)
            case TaskEnded(task_id=task_id, outcome=outcome, news=news):
                self._pids.pop(task_id, None)
                self._changed(self._book.end(task_id, outcome, self._clock.now(), news))
            case _:
                assert_never(message)
        return None

    def _add(
        self, request: TaskRequest, correlation_id: int | str | None
    ) -> QueueReply:
        if self._closed:
            return Refused(
                "the session is ending and takes no new tasks",
                correlation_id=correlation_id,
            )
        try:
            kind = self._check(request)
        except InvalidRequestError as error:
            return Refused(str(error), invalid=True, correlation_id=correlation_id)
        output_path = self._output_template if kind.writes_output else None
        reason = self._waiting_reason()
        task = self._book.add(request, self._clock.now(), reason, output_path)
        self._changed(task)
        self._assign()
        return TaskAdded(task, correlation_id)

    def _check(self, request: TaskRequest) -> Kind:
        kind = self._kinds.find(request.kind)
        if not request.description.strip():
            raise InvalidRequestError(
                'missing description; try: /task "Run tests" bash make test'
            )
        for text in (request.description, *request.args):
            if not is_unicode(text):
                raise InvalidRequestError("the text is not valid UTF-8; correct it")
        kind.check(request.args)
        return kind

    def _waiting_reason(self) -> str:
        if self._claims:
            return "starting"
        if not self._slots:
            return "waiting for the runner"
        return f"waiting for a slot ({self._slots} of {self._slots} busy)"

    def _assign(self) -> None:
        while self._claims and self._runner is not None and not self._closed:
            task = self._book.start_next(self._clock.now())
            if task is None:
                return
            self._claims -= 1
            self._changed(task)
            self._outbox.append((self._runner, StartTask(task)))

    def _get(self, message: GetTask) -> QueueReply:
        task_id = message.task_id
        try:
            task = self._book.as_of(task_id, self._clock.now())
        except UnknownTaskError:
            return self._unknown(task_id, message.correlation_id)
        return TaskFound(task, self._pids.get(task_id), message.correlation_id)

    def _cancel_one(self, message: CancelTask) -> QueueReply:
        try:
            task = self._book.get(message.task_id)
        except UnknownTaskError:
            return self._unknown(message.task_id, message.correlation_id)
        if task.status.is_final:
            return Refused(
                f"task {task.id} has already finished ({task.status}: {task.reason});"
                f" /show {task.id} tells more",
                correlation_id=message.correlation_id,
            )
        canceled = self._cancel(task, message.reason, now=message.now)
        return CancelAccepted((canceled,), message.correlation_id)

    def _cancel_all(self, message: CancelAll) -> QueueReply:
        # Queued ones first, so that none of them starts in place of a running one.
        canceled = [
            self._cancel(self._book.get(task_id), message.reason, now=message.now)
            for task_id in reversed(self._book.open_ids())
        ]
        canceled.sort(key=lambda task: task.id)
        return CancelAccepted(tuple(canceled), message.correlation_id)

    def _cancel(self, task: Task, reason: str, *, now: bool) -> Task:
        at = self._clock.now()
        if task.status is TaskStatus.QUEUED:
            return self._changed(self._book.end(task.id, Outcome.canceled(reason), at))
        if self._runner is not None:
            self._outbox.append((self._runner, StopTask(task.id, reason, now=now)))
        stopping = self._book.note_stopping(task.id, f"stopping, {reason}", at)
        return self._changed(stopping, TaskEvent.PROGRESS)

    def _progress(self, message: TaskProgressed) -> None:
        task = self._book.progress(message.task_id, message.news, self._clock.now())
        self._changed(task, TaskEvent.PROGRESS)

    def _changed(self, task: Task, event: TaskEvent | None = None) -> Task:
        self._seq += 1
        changed = TaskChanged(self._seq, event or TaskEvent.of(task.status), task)
        self._publish(changed)
        if task.status.is_final:
            self._forget(self._book.clean_up())
        return task

    def _forget(self, tasks: tuple[Task, ...]) -> tuple[int, ...]:
        ids = tuple(task.id for task in tasks)
        for task in tasks:
            if task.output_path is not None:
                try:
                    Path(task.output_path).unlink(missing_ok=True)
                except OSError as error:
                    logger.warning("Can't delete the output of a task: %s", error)
        if ids:
            self._publish(TasksForgotten(self._seq, ids))
        return ids

    def _publish(self, notification: Notification) -> None:
        self._outbox.extend((who, notification) for who in self._subscribers)

    def _subscribe(self, message: Subscribe) -> QueueReply:
        if message.subscriber not in self._subscribers:
            tasks = self._book.list(TaskFilter.ALL, self._clock.now())
            self._subscribers.append(message.subscriber)
            self._outbox.append((message.subscriber, Subscribed(self._seq, tasks)))
        return Acknowledged(message.correlation_id)

    def _unsubscribe(self, subscriber: Recipient[Any]) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    def _close(self, message: CloseQueue) -> None:
        self._closed = True
        for task in self._book.list(TaskFilter.QUEUED, self._clock.now()):
            self._cancel(task, message.reason, now=False)

    def _unknown(self, task_id: int, correlation_id: int | str | None) -> Refused:
        newest = self._book.newest_id
        if 1 <= task_id <= newest:
            text = f"task {task_id} has left the history"
        else:
            text = f"no task {task_id}; /tasks --all lists those there are"
        return Refused(text, correlation_id=correlation_id)
