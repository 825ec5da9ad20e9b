"""Asking the queue from outside the actors: a request, a wait, an answer.

What scripts use, and programs without actors of their own. Actors send the same
requests as messages, and never wait.
"""

from __future__ import annotations

import abc
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from msgspec.structs import replace

from ..messages import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    CloseQueue,
    ForgetFinished,
    Forgotten,
    GetRules,
    GetTask,
    HoldTask,
    ListTasks,
    MoveTask,
    Notification,
    OpenQueue,
    PauseQueue,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    RulesFound,
    SetGroup,
    SetSlots,
    Slots,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskAdded,
    TaskAltered,
    TaskChanged,
    TaskFound,
    TaskList,
    TasksForgotten,
    Unsubscribe,
)
from ..rules.task import Task, TaskFilter, TaskRequest
from ..runtime.promise import Deadline, Promise, wait_in_halves
from ..runtime.sending import DeadLetters, Recipient, post
from .errors import RefusedError, SessionInUseError, TaskSystemError
from .futures import Futures, TaskFuture
from .output_lines import OutputLines, last_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..rules.terms import QueueRules, Terms

__all__ = [
    "ANSWER_TIMEOUT",
    "RefusedError",
    "ReplyT",
    "Requests",
    "SessionInUseError",
    "TaskSystemError",
    "ask",
]

ReplyT = TypeVar("ReplyT")

ANSWER_TIMEOUT: Final = 10.0
"""Seconds after which a request from outside the actors gives up."""

_LOOK: Final = 0.2  # seconds between two looks at a file that is followed
_NAMED: Final = 5  # of the tasks that have not ended


class Requests(abc.ABC):
    """The synchronous face of a task system.

    Its methods may be called on any thread but those of the system's own actors. They
    raise `RuntimeError` if it is not started, and `TaskSystemError` if somebody else
    has stopped its actors, or if this process was forked after its start. Their
    timeouts are seconds; `math.inf` waits as long as it takes.
    """

    dead_letters: DeadLetters
    remembers: bool = True
    """Whether the session can be opened again, with its queued tasks."""
    resumed: tuple[Task, ...] = ()
    """The tasks that were queued when the session was opened; set by `start`.

    Those that started with it: not those of a kind that it does not have.
    """

    def __init__(self) -> None:
        self._futures: Futures | None = None
        self._submitting = threading.Lock()  # of the futures

    @property
    @abc.abstractmethod
    def queue(self) -> Recipient[QueueRequest]:
        """Takes every `QueueRequest`: the QueueActor, or who passes them on to it."""

    def add(  # noqa: PLR0913 - each is one independent thing
        self,
        description: str,
        kind: str,
        *args: str,
        directory: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] | None = None,
        origin: str = "",
        terms: Terms | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Add a task and return it. Blocks until it is written down, not until it ends.

        Args:
            description: What the task is called wherever it is shown.
            kind: The name of one of the kinds.
            args: What the kind needs to know; for `bash` one string, the command.
            directory: Where its processes start; by default where this process was
                when the system was started.
            environment: All environment variables of its processes; by default those
                of this process when the system was started.
            origin: Who or what adds it; see `Task.origin`.
            terms: When it may start, and how long it may take; by default as soon as it
                is its turn, and as long as it takes.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The task: Queued, or Running already.

        Raises:
            RefusedError: If the request makes no sense, or can't be written down.
            TimeoutError: If there was no answer in time; it may still be added.
        """
        request = TaskRequest(
            description,
            kind,
            args,
            origin,
            directory=None if directory is None else os.path.abspath(directory),  # noqa: PTH100 - a text
            environment=environment,
            terms=terms,
        )
        return self._request(AddTask(request), TaskAdded, answer_timeout).task

    def add_request(
        self, request: TaskRequest, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Task:
        """Add a task and return it; see `add`.

        Args:
            request: What is to be done.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the request makes no sense, or can't be written down.
            TimeoutError: If there was no answer in time; it may still be added.
        """
        return self._request(AddTask(request), TaskAdded, answer_timeout).task

    def submit(self, request: TaskRequest) -> TaskFuture:
        """Add a task, and return a future of its end. Never blocks.

        The future is done when the task has ended, in whatever status, and its result
        is the task. Canceling it cancels the task. All futures of a system share one
        thread, which makes the calls of `add_done_callback`: one that blocks holds up
        other futures, and no actor.

        Args:
            request: What is to be done.

        Returns:
            The future; `asyncio.wrap_future` makes it awaitable. It ends with
            `RefusedError` if the request is refused, and with `TaskSystemError` if the
            system stops and the task has not ended, because it stays queued.

        Raises:
            TypeError: If it is no request.
            TaskSystemError: If the system has stopped.
        """
        if not isinstance(cast("object", request), TaskRequest):
            given = type(request).__name__
            raise TypeError(f"request must be TaskRequest, not {given}")
        queue = self.queue
        with self._submitting:
            futures = self._futures
            if futures is None or futures.queue is not queue:
                futures = self._futures = Futures(queue, self.dead_letters)
        return futures.submit(request)

    def output(
        self,
        task_id: int,
        *,
        follow: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Iterator[str]:
        """Return the lines that a task has printed, as they were printed.

        Standard output and standard error are one stream. Lines end with a line feed,
        which is not part of them; invalid UTF-8 becomes replacement characters. They
        may hold anything that the program printed, such as escape sequences: make them
        safe before a terminal shows them.

        Args:
            task_id: Which.
            follow: Go on until the task has ended. Each line then comes within a fifth
                of a second; the iterator blocks until there is one. Closing it, or a
                `break`, ends that.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            An iterator; without lines for a task that has no output.

        Raises:
            RefusedError: If there is no such task.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
            OSError: While iterating, if the file can't be read.
        """
        task = self.get(task_id, answer_timeout=answer_timeout)
        path = None if task.output_path is None else Path(task.output_path)
        if follow and not task.status.is_final:
            return self._follow(task_id, OutputLines(path))
        return OutputLines(path).all()

    def tail(
        self, task_id: int, count: int = 10, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[str, ...]:
        """Return the last lines that a task has printed; see `output`.

        Args:
            task_id: Which.
            count: How many at most.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
            OSError: If the file can't be read.
        """
        task = self.get(task_id, answer_timeout=answer_timeout)
        if task.output_path is None:
            return ()
        return last_lines(Path(task.output_path), count)

    def look_up(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> TaskFound:
        """Return a task as it is now, and the process it runs as, if it has one.

        Args:
            task_id: Which.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(GetTask(task_id), TaskFound, answer_timeout)

    def find(
        self,
        which: TaskFilter = TaskFilter.ALL,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> TaskList:
        """Return tasks by id, and how many there are in each status.

        Args:
            which: Those of which status; all by default.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(ListTasks(which), TaskList, answer_timeout)

    def get(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Return a task as it is now. Blocks until the queue has answered.

        Args:
            task_id: Which.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(GetTask(task_id), TaskFound, answer_timeout).task

    def list(
        self,
        which: TaskFilter = TaskFilter.ALL,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> tuple[Task, ...]:
        """Return tasks by id. Blocks until the queue has answered.

        Args:
            which: Those of which status; all by default.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(ListTasks(which), TaskList, answer_timeout).tasks

    def cancel(
        self,
        task_id: int,
        *,
        reason: str = "canceled",
        now: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Cancel a task; a running one ends within the grace period, or `now`.

        Blocks until the queue has answered, not until the task has ended.

        Args:
            task_id: Which.
            reason: Who or what canceled it; it becomes the reason of the task.
            now: Kill a running one at once, without the grace period.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The task: Canceled, or Running still.

        Raises:
            RefusedError: If there is no such task, or it has finished.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        request = CancelTask(task_id, reason, now)
        return self._request(request, CancelAccepted, answer_timeout).tasks[0]

    def move(
        self,
        task_id: int,
        *,
        first: bool = False,
        before: int | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Put a queued task elsewhere in the order, and return it.

        Args:
            task_id: Which.
            first: Whether before all others of its priority, or behind them.
            before: Another queued task before which it is put, if any; it gets the
                priority of that one.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = MoveTask(task_id, first, before)
        return self._request(request, TaskAltered, answer_timeout).task

    def pause(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Start no task of a group, or none at all; tasks that run go on.

        Args:
            group: Which; `None` for all.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        return self._request(PauseQueue(group), RulesFound, answer_timeout).rules

    def resume(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Start tasks again; see `pause`."""
        request = PauseQueue(group, paused=False)
        return self._request(request, RulesFound, answer_timeout).rules

    def set_group(
        self, name: str, slots: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> QueueRules:
        """Set how many tasks of a group run at a time; 0 for as many as there is room.

        Args:
            name: What the group is called.
            slots: How many.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        return self._request(SetGroup(name, slots), RulesFound, answer_timeout).rules

    def rules(self, *, answer_timeout: float = ANSWER_TIMEOUT) -> QueueRules:
        """Return what is set for the whole queue: what is paused, and the groups."""
        return self._request(GetRules(), RulesFound, answer_timeout).rules

    def hold(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task wait until it is released, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        return self._request(HoldTask(task_id), TaskAltered, answer_timeout).task

    def release(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task that is held start when it is its turn, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = HoldTask(task_id, held=False)
        return self._request(request, TaskAltered, answer_timeout).task

    def cancel_all(
        self, *, reason: str = "canceled", answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Task, ...]:
        """Cancel every task that has not finished, queued ones first; see `cancel`.

        Args:
            reason: Who or what canceled them; it becomes the reason of the tasks.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The tasks by id, each Canceled, or Running still.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(CancelAll(reason), CancelAccepted, answer_timeout).tasks

    def forget_finished(
        self, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[int, ...]:
        """Forget finished tasks, delete their output and return their ids.

        Blocks until the queue has answered.

        Args:
            answer_timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(ForgetFinished(), Forgotten, answer_timeout).ids

    def set_slots(
        self, slots: int | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> int:
        """Let so many tasks run at a time, until the session is closed.

        Blocks until the queue has answered. With fewer than run, none is ended.

        Args:
            slots: How many, at least 1; by default nothing is changed.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            How many tasks run at a time now.

        Raises:
            RefusedError: If that is no number of tasks.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(SetSlots(slots), Slots, answer_timeout).slots

    def subscribe(  # noqa: PLR0913 - each is one independent thing
        self,
        subscriber: Recipient[Notification],
        *,
        shows: bool = False,
        origin: str | None = None,
        description: str | None = None,
        which: TaskFilter = TaskFilter.ALL,
        since: int | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Tell an actor, or any recipient, of every change from now on.

        Blocks until the first message, `Subscribed`, is on its way. The last one is
        `SystemStopped`.

        Args:
            subscriber: Who.
            shows: Whether it shows changes to a person; see `Subscribe`. `stop` then
                waits a moment for what it shows last.
            origin: Only tasks of this origin.
            description: Only tasks that are called this.
            which: Only tasks of this status: `TaskFilter.FINISHED` for the ends alone.
            since: The number of the last change of a status that it has handled; 0 for
                none. `Subscribed.missed` then has what came after it.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        request = Subscribe(subscriber, shows, origin, description, which, since)
        self._request(request, Acknowledged, answer_timeout)

    def unsubscribe(
        self,
        subscriber: Recipient[Notification],
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Tell this recipient nothing more. Blocks until the queue has answered.

        Args:
            subscriber: The same object, or an equal one, that was subscribed.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        self._request(Unsubscribe(subscriber), Acknowledged, answer_timeout)

    def wait(self, *task_ids: int, timeout: float) -> tuple[Task, ...]:
        """Wait until tasks have ended, and return them as they ended.

        Blocks up to `timeout` seconds, without polling.

        Args:
            task_ids: Which; with none, all that have not ended yet.
            timeout: Seconds for all of them together.

        Returns:
            The tasks in the order of the ids.

        Raises:
            RefusedError: If one of them is not known.
            TaskSystemError: If the system stops meanwhile and one of them has not
                ended, because it stays queued for the next time.
            TimeoutError: If one of them has not ended in time.
            ValueError: If `timeout` is not a number.
        """
        for task_id in task_ids:
            if type(task_id) is not int:
                given = type(task_id).__name__
                text = f"the ids to wait for must be int, not {given}"
                raise RefusedError(text, RefusalCode.INVALID)
        deadline = Deadline(timeout)
        queue = self.queue
        news: Promise[Notification] = Promise()
        self.subscribe(news)
        ends = _Ends(task_ids)
        try:
            return wait_in_halves(
                lambda seconds: ends.listen(news, Deadline(seconds)),
                deadline.left(),
                TimeoutError,
            )
        except TimeoutError:
            raise TimeoutError(f"{ends.missing} within {timeout:g} s") from None
        finally:
            # The system may have been stopped meanwhile; then nothing is lost by it.
            post(queue, Unsubscribe(news), DeadLetters())

    def _follow(self, task_id: int, lines: OutputLines) -> Iterator[str]:
        queue = self.queue
        news: Promise[Notification] = Promise()
        self.subscribe(news)
        try:
            while not _is_over(news, task_id):
                yield from lines.new()
            yield from lines.all()
        finally:
            # The system may have been stopped meanwhile; then nothing is lost by it.
            post(queue, Unsubscribe(news), DeadLetters())

    def _request(
        self,
        request: QueueRequest | OpenQueue | CloseQueue,
        answer: type[ReplyT],
        timeout: float = ANSWER_TIMEOUT,
    ) -> ReplyT:
        return ask(self.queue, request, answer, timeout, self.dead_letters)


def ask(
    queue: Recipient[Any],
    request: QueueRequest | OpenQueue | CloseQueue,
    answer: type[ReplyT],
    timeout: float,
    dead_letters: DeadLetters,
) -> ReplyT:
    """Send a request, and return its answer once what it says is written down.

    Args:
        queue: Takes the request.
        request: Without a `reply_to`; it gets one.
        answer: What is expected.
        timeout: Seconds to wait for it.
        dead_letters: Counts the request if the queue is gone.

    Raises:
        RefusedError: If the request was refused.
        TaskSystemError: If the queue is gone.
        TimeoutError: If there was no answer in time.
    """
    promise: Promise[QueueReply] = Promise()
    if not post(queue, replace(request, reply_to=promise), dead_letters):
        raise TaskSystemError("the task system has stopped")
    reply = promise.get(timeout)
    if isinstance(reply, Refused):
        raise RefusedError(reply.text, reply.code)
    if not isinstance(reply, answer):
        raise TypeError(f"{type(request).__name__} was answered by {reply!r}")
    return reply


def _is_over(news: Promise[Notification], task_id: int) -> bool:
    """Wait a moment; tell whether nothing more can come from a task."""
    deadline = Deadline(_LOOK)
    while (left := deadline.left()) > 0:
        try:
            message = news.get(left)
        except TimeoutError:
            break
        match message:
            case TaskChanged(task=task) if task.id == task_id:
                return task.status.is_final
            case Subscribed(tasks=tasks):
                known = {task.id: task for task in tasks}
                return task_id not in known or known[task_id].status.is_final
            case TasksForgotten(ids=ids) if task_id in ids:
                return True
            case SystemStopped():
                return True
            case _:
                pass
    return False


class _Ends:
    """The ends of tasks, as far as they have come.

    Args:
        task_ids: Of which tasks; with none, of all that have not ended yet.
    """

    def __init__(self, task_ids: tuple[int, ...]) -> None:
        self._wanted = task_ids
        self._ended: dict[int, Task] = {}
        self._waiting: set[int] | None = None

    def listen(
        self, news: Promise[Notification], deadline: Deadline
    ) -> tuple[Task, ...]:
        """Take what a subscriber is told until all have ended; return the tasks.

        May be called again if it was too late.

        Raises:
            RefusedError: If one of them is not known.
            TaskSystemError: If the system stops before.
            TimeoutError: If one of them has not ended in time.
        """
        while self._waiting is None or self._waiting:
            match news.get(deadline.left()):
                case Subscribed(tasks=tasks):
                    self._begin({task.id: task for task in tasks})
                case TaskChanged(task=task) if task.id in (self._waiting or ()):
                    self._note(task)
                case SystemStopped(reason=reason):
                    text = f"{self.missing}, and the task system has stopped: {reason}"
                    raise TaskSystemError(text)
                case _:
                    pass
        return tuple(self._ended.values())

    @property
    def missing(self) -> str:
        """What has not come, for people."""
        match sorted(self._waiting or ()):
            case []:
                return "no answer"
            case [one]:
                return f"task {one} has not ended"
            case several if len(several) <= _NAMED:
                return f"tasks {', '.join(map(str, several))} have not ended"
            case many:
                return f"{len(many)} tasks have not ended"

    def _begin(self, known: dict[int, Task]) -> None:
        wanted = self._wanted or tuple(
            task.id for task in known.values() if not task.status.is_final
        )
        for task_id in wanted:
            if task_id not in known:
                raise RefusedError(f"no task {task_id}", RefusalCode.UNKNOWN)
        # In the order of the ids; each is replaced as it ends.
        self._ended = {task_id: known[task_id] for task_id in wanted}
        self._waiting = set(wanted)
        for task in self._ended.values():
            self._note(task)

    def _note(self, task: Task) -> None:
        if self._waiting is not None and task.status.is_final:
            self._ended[task.id] = task
            self._waiting.discard(task.id)
