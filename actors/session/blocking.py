"""The blocking calls that add and end tasks.

For scripts, and programs without actors of their own. Actors send the same requests as
messages, and never wait.
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
    """The synchronous interface of a task system.

    Its methods may be called on any thread except those of the system's own actors.
    They raise `RuntimeError` if the system is not started, `TaskSystemError` if other
    code has stopped its actors, or if this process was forked after the start, and
    `TimeoutError` if there was no answer in `answer_timeout` seconds. Timeouts are in
    seconds; `math.inf` means no limit.
    """

    remembers: bool = True
    """Whether the session can be opened again, with its queued tasks."""
    resumed: tuple[Task, ...] = ()
    """The queued tasks that could start when the session was opened; set by `start`.

    Without tasks whose kind is missing.
    """

    def __init__(self) -> None:
        self._futures: Futures | None = None
        # Guards `_futures`; reentrant, since a signal handler may call `submit`.
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
        """Add a task and return it. Blocks until it is stored, not until it ends.

        Args:
            description: The description of the task, for people.
            kind: The name of one of the kinds.
            args: The arguments of the kind; for `bash` one string, the command.
            directory: The working directory of its processes; by default that of this
                process at the start of the system.
            environment: All environment variables of its processes; by default those
                of this process at the start of the system.
            origin: The source of the request; see `Task.origin`.
            terms: Its options, such as when it may start; see `Terms`.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The task, Queued or already Running.

        Raises:
            RefusedError: If the request is invalid, or can't be stored.
            TimeoutError: If there was no answer in time; the task may still be added.
        """
        request = TaskRequest(
            description,
            kind,
            args,
            origin,
            # Other types are passed on, so that the refusal names the type.
            directory=("" if directory == "" else os.path.abspath(directory))  # noqa: PTH100 - a text
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
            request: The request.
            unless_queued: Whether to return a queued task that runs the same command in
                the same directory, if there is one, instead of adding another task.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the request is invalid, or can't be stored.
            TimeoutError: If there was no answer in time; the task may still be added.
        """
        asked = AddTask(request, unless_queued=unless_queued)
        return self._request(asked, TaskAdded, answer_timeout).task

    def submit(self, request: TaskRequest) -> TaskFuture:
        """Add a task, and return a future of its end. Never blocks.

        The future is done when the task has ended, in any status, and its result is the
        task. Canceling the future cancels the task. All futures of a system share one
        thread, which calls the callbacks of `add_done_callback`: a callback that blocks
        delays other futures, but no actor.

        Args:
            request: The request.

        Returns:
            The future; `asyncio.wrap_future` makes it awaitable. Its exception is
            `RefusedError` if the request is refused, and `TaskSystemError` if the
            system stops while the task stays queued.

        Raises:
            TypeError: If `request` is not a `TaskRequest`.
            RuntimeError: If the system is not started.
            TaskSystemError: If other code has stopped its actors, or if a
                `RemoteSystem` is stopped.
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
            now: Kill a running task at once, without the grace period.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The task, Canceled or still Running.

        Raises:
            RefusedError: If there is no such task, or it has finished.
        """
        request = CancelTask(task_id, reason, now)
        return self._request(request, CancelAccepted, answer_timeout).tasks[0]

    def cancel_all(
        self, *, reason: str = "canceled", answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Task, ...]:
        """Cancel all tasks that have not finished, queued ones first; see `cancel`.

        Args:
            reason: Who or what canceled them; it becomes the reason of the tasks.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The tasks, Canceled or still Running, sorted by id.
        """
        return self._request(CancelAll(reason), CancelAccepted, answer_timeout).tasks

    def forget_finished(
        self, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[int, ...]:
        """Forget finished tasks, delete their output and return their ids.

        Blocks until the queue has answered.

        Args:
            answer_timeout: Seconds to wait for the answer.
        """
        return self._request(ForgetFinished(), Forgotten, answer_timeout).ids
