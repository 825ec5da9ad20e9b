"""Tasks as futures of `concurrent.futures`.

All futures of a system share one subscription and one thread. The thread runs their
callbacks, so a callback that blocks delays other futures, but no actor.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, cast

from ..messages import (
    AddTask,
    CancelTask,
    GetTask,
    Notification,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskAdded,
    TaskChanged,
    TasksForgotten,
)
from ..rules.status import TaskFilter
from ..rules.task import Task
from ..runtime.sending import Recipient, call_safely, post, post_if_alive
from .awaiting import LEFT
from .errors import RefusedError, TaskSystemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.request import TaskRequest
    from ..runtime.sending import DeadLetters

_STOPPED: Final = "the task system has stopped"


class TaskFuture(Future[Task]):
    """The future of a submitted task.

    It is done when the task has ended, in any status, and its result is the task. It
    is pending until then, also while the task runs.
    """

    def __init__(
        self,
        number: int,
        cancel: Callable[[TaskFuture], None],
        refuse_to_wait: Callable[[], None],
    ) -> None:
        super().__init__()
        self.number = number
        """The number of its request."""
        self.task_id: int | None = None
        """The id of the task; None until it is known."""
        self._cancel = cancel
        self._refuse_to_wait = refuse_to_wait

    def result(self, timeout: float | None = None) -> Task:
        """Return the ended task; blocks until its end.

        Raises:
            CancelledError: If the future was canceled.
            RefusedError: If the request was refused.
            TaskSystemError: If the system has stopped and the task has not ended.
            TimeoutError: If the task has not ended in `timeout` seconds.
            RuntimeError: If the wait would be a deadlock: on a thread of the actors, or
                in the callback of a future.
        """
        if not self.done():
            self._refuse_to_wait()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the exception of the future, or None.

        Blocks and raises as `result` does.
        """
        if not self.done():
            self._refuse_to_wait()
        return super().exception(timeout)

    def cancel(self) -> bool:
        """Cancel the task and this future. Does not block.

        The future is canceled at once: `result` raises `CancelledError`. The task is
        canceled, with the grace period if it runs.

        Returns:
            Whether it was canceled; false if it was done before.
        """
        if not super().cancel():
            return False
        self._cancel(self)
        return True


class Futures:
    """The futures of a started task system. Thread-safe."""

    def __init__(
        self,
        queue: Recipient[QueueRequest],
        dead_letters: DeadLetters,
        is_own_thread: Callable[[], bool],
    ) -> None:
        self.queue = queue
        """The recipient of the requests."""
        self._dead_letters = dead_letters
        self._is_own_thread = is_own_thread
        self._inbox: SimpleQueue[QueueReply | Notification | TaskFuture] = SimpleQueue()
        self._numbers = count(1)
        # Futures without an answer, by the number of the request; any thread adds to
        # it. All other state belongs to the thread here.
        self._asked: dict[int, TaskFuture] = {}
        # By task: several futures if their requests have the same key.
        self._known: dict[int, list[TaskFuture]] = {}
        self._canceled: set[TaskFuture] = set()
        # Guards `_asked` and `_ended`; reentrant because of signal handlers.
        self._lock = threading.RLock()
        self._ended = False
        self._thread = threading.Thread(
            target=self._run, name="backburner-futures", daemon=True
        )
        self._thread.start()
        # Only the ends of tasks are needed.
        ends = Subscribe(self, which=TaskFilter.FINISHED)
        if not post_if_alive(queue, ends, dead_letters):
            self._inbox.put(SystemStopped("it has been stopped"))

    def tell(self, message: QueueReply | Notification, /) -> None:
        """Receive an answer or a notification. Never blocks."""
        self._inbox.put(message)

    def submit(self, request: TaskRequest) -> TaskFuture:
        """Add a task; return its future. Never blocks.

        Raises:
            TaskSystemError: If the system has stopped.
        """
        future = TaskFuture(next(self._numbers), self._inbox.put, self._refuse_to_wait)
        with self._lock:
            if self._ended:
                raise TaskSystemError(_STOPPED)
            self._asked[future.number] = future
        asked = AddTask(request, reply_to=self, correlation_id=future.number)
        if not post_if_alive(self.queue, asked, self._dead_letters):
            raise TaskSystemError(_STOPPED)
        return future

    def _refuse_to_wait(self) -> None:
        if self._is_own_thread() or threading.current_thread() is self._thread:
            raise RuntimeError(
                "the future would be waited for on a thread that it depends on; give"
                " it a callback, or wait on another thread"
            )

    def _run(self) -> None:
        while not self._ended:
            message = self._inbox.get()
            call_safely(lambda: self._take(message))  # noqa: B023 - called at once
            # The reference would keep the message alive until the next one.
            del message

    def _take(self, message: QueueReply | Notification | TaskFuture) -> None:
        match message:
            case TaskFuture():
                self._withdraw(message)
            case TaskAdded(task=task, correlation_id=number):
                future = self._answered(number)
                if future is not None:
                    future.task_id = task.id
                    self._known.setdefault(task.id, []).append(future)
                    if task.status.is_final:
                        self._end(task)  # it was added before, with the same key
                    elif future in self._canceled:
                        self._cancel(task.id)
            case Refused(correlation_id=int(number)) if number < 0:
                for future in self._known.pop(-number, ()):
                    text = f"task {-number} {LEFT}"
                    self._fail(future, RefusedError(text, RefusalCode.UNKNOWN))
            case TasksForgotten(ids=()):
                # The connection was interrupted; tasks may have ended since.
                for task_id in self._known:
                    asked = GetTask(task_id, reply_to=self, correlation_id=-task_id)
                    post(self.queue, asked, self._dead_letters)
            case Refused(text=text, code=code, correlation_id=number):
                future = self._answered(number)
                if future is not None:
                    self._fail(future, RefusedError(text, code))
            case TaskChanged(task=task):
                self._end(task)
            case Subscribed(tasks=tasks):
                for task in tasks:
                    self._end(task)
            case SystemStopped(reason=reason):
                self._close(reason)
            case _:
                pass

    def _answered(self, number: int | str | None) -> TaskFuture | None:
        # Without the lock, which a signal handler that waits for this may hold.
        return self._asked.pop(cast("int", number), None)

    def _end(self, task: Task) -> None:
        for future in self._known.pop(task.id, ()):
            if future in self._canceled:
                self._canceled.discard(future)
            elif future.set_running_or_notify_cancel():
                future.set_result(task)

    def _fail(self, future: TaskFuture, error: Exception) -> None:
        if future in self._canceled:
            self._canceled.discard(future)
        elif future.set_running_or_notify_cancel():
            future.set_exception(error)

    def _withdraw(self, future: TaskFuture) -> None:
        # The task may have ended just before, or the future is canceled twice.
        task_id = future.task_id
        is_open = future.number in self._asked or future in self._known.get(
            task_id or 0, ()
        )
        if not is_open or future in self._canceled:
            return
        self._canceled.add(future)
        future.set_running_or_notify_cancel()
        if task_id is not None:
            self._cancel(task_id)

    def _cancel(self, task_id: int) -> None:
        # With `reply_to`, so that a refusal isn't logged.
        cancel = CancelTask(task_id, reply_to=self)
        post(self.queue, cancel, self._dead_letters)

    def _close(self, reason: str) -> None:
        with self._lock:
            self._ended = True
            left: list[tuple[int | None, TaskFuture]] = [
                (None, it) for it in self._asked.values()
            ]
            self._asked.clear()
        left += [(id_, it) for id_, all_ in self._known.items() for it in all_]
        for task_id, future in left:
            what = "the task" if task_id is None else f"task {task_id}"
            text = f"{what} has not ended, and the task system has stopped: {reason}"
            self._fail(future, TaskSystemError(text))
        self._known.clear()
        self._canceled.clear()
