"""Asking the queue from outside the actors: a request, a wait, an answer.

What scripts use, and programs without actors of their own. Actors send the same
requests as messages, and never wait.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pykka import ActorRef

from ..messages import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ForgetFinished,
    Forgotten,
    GetTask,
    ListTasks,
    Notification,
    RefusalCode,
    Subscribe,
    TaskAdded,
    TaskFound,
    TaskList,
    Unsubscribe,
)
from ..rules.request import TaskRequest
from ..rules.status import TaskFilter
from ..runtime.promise import Deadline, Promise, wait_in_halves
from ..runtime.sending import DeadLetters, Recipient, post
from .asking import ANSWER_TIMEOUT, ReplyT, ask
from .awaiting import Ends, is_over
from .control import Control
from .errors import RefusedError, SessionInUseError, TaskSystemError
from .output_lines import OutputLines, last_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..rules.task import Task
    from ..rules.terms import Terms
    from .futures import Futures, TaskFuture

__all__ = [
    "ANSWER_TIMEOUT",
    "RefusedError",
    "ReplyT",
    "Requests",
    "SessionInUseError",
    "TaskSystemError",
    "ask",
]


class Requests(Control):
    """The synchronous face of a task system.

    Its methods may be called on any thread but those of the system's own actors. They
    raise `RuntimeError` if it is not started, and `TaskSystemError` if somebody else
    has stopped its actors, or if this process was forked after its start. Their
    timeouts are seconds; `math.inf` waits as long as it takes.
    """

    remembers: bool = True
    """Whether the session can be opened again, with its queued tasks."""
    resumed: tuple[Task, ...] = ()
    """The tasks that were queued when the session was opened; set by `start`.

    Those that started with it: not those of a kind that it does not have.
    """

    def __init__(self) -> None:
        self._futures: Futures | None = None
        # Of the futures; a signal handler may submit while this is held.
        self._submitting = threading.RLock()

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
            # What is no path is refused by its type.
            directory=os.path.abspath(directory)  # noqa: PTH100 - a text
            if isinstance(directory, str | os.PathLike)
            else directory,
            environment=environment,
            terms=terms,
        )
        return self._request(AddTask(request), TaskAdded, answer_timeout).task

    def add_request(
        self,
        request: TaskRequest,
        *,
        unless_queued: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Add a task and return it; see `add`.

        Args:
            request: What is to be done.
            unless_queued: Whether to return a queued task that does the same in the
                same directory, if there is one, instead of adding another.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the request makes no sense, or can't be written down.
            TimeoutError: If there was no answer in time; it may still be added.
        """
        asked = AddTask(request, unless_queued=unless_queued)
        return self._request(asked, TaskAdded, answer_timeout).task

    def submit(self, request: TaskRequest) -> TaskFuture:
        """Add a task, and return a future of its end. Never blocks.

        The future is done when the task has ended, in any status, and its result
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
                from .futures import Futures  # noqa: PLC0415 - no chat has futures

                futures = self._futures = Futures(
                    queue, self.dead_letters, self.is_own_thread
                )
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
            task_id: The id of the task.
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
            task_id: The id of the task.
            count: How many at most.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or `count` is not a number.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
            OSError: If the file can't be read.
        """
        if type(count) is not int:
            text = f"count must be int, not {type(count).__name__}"
            raise RefusedError(text, RefusalCode.INVALID)
        task = self.get(task_id, answer_timeout=answer_timeout)
        if task.output_path is None:
            return ()
        return last_lines(Path(task.output_path), count)

    def look_up(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> TaskFound:
        """Return a task as it is now, and the process it runs as, if it has one.

        Args:
            task_id: The id of the task.
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
            task_id: The id of the task.
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
            task_id: The id of the task.
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
            subscriber: The recipient.
            shows: Whether it shows changes to a person; see `Subscribe`. `stop` then
                waits a moment for what it shows last.
            origin: Only tasks of this origin.
            description: Only tasks that are called this.
            which: Only tasks of this status: `TaskFilter.FINISHED` for the ends alone.
            since: The number of the last change of a status that it has handled; 0 for
                none. `Subscribed.missed` then has what came after it.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the subscriber is an actor that has stopped.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        actor: object = subscriber
        if isinstance(actor, ActorRef) and not actor.is_alive():
            text = f"{actor} has stopped; subscribe an actor that runs"
            raise RefusedError(text, RefusalCode.INVALID)
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
        ends = Ends(task_ids)
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
            while not is_over(news, task_id):
                yield from lines.new()
            yield from lines.all()
        finally:
            # The system may have been stopped meanwhile; then nothing is lost by it.
            post(queue, Unsubscribe(news), DeadLetters())
