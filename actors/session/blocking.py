"""Asking the queue from outside the actors: a request, a wait, an answer.

What scripts use, and programs without actors of their own. Actors send the same
requests as messages, and never wait.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, cast

from ..messages import (
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ForgetFinished,
    Forgotten,
    TaskAdded,
)
from ..rules.request import TaskRequest
from .asking import ANSWER_TIMEOUT
from .reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.task import Task
    from ..rules.terms import Terms
    from .futures import Futures, TaskFuture


class Requests(Reading):
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
