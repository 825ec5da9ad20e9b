"""The TaskSystem: starts and stops the actors in order; what an embedder holds."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from msgspec.structs import replace

from . import survivors
from .book import TaskBook
from .clock import SystemClock
from .exits import make_exit_watcher
from .journal import Journal, JournalError, Memory, NoJournal
from .kinds import BashKind, Kinds, SleepKind
from .marks import is_of_session
from .messages import (
    Acknowledged,
    AddTask,
    Begin,
    CancelAccepted,
    CancelAll,
    CancelTask,
    CloseQueue,
    Drain,
    Drained,
    ForgetFinished,
    Forgotten,
    GetTask,
    ListTasks,
    Notification,
    OpenQueue,
    QueueReply,
    QueueRequest,
    Refused,
    Subscribe,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskFound,
    TaskList,
    Unsubscribe,
)
from .promise import Deadline, Promise
from .queue import QueueActor, QueueConfig
from .recovery import as_left, end_leftovers
from .runner import RunnerActor
from .session_folder import FolderError, SessionFolder
from .supervision import DeadLetters, Recipient, logger, post
from .task import Task, TaskFilter, TaskRequest
from .task_actor import TaskActorConfig
from .threads import ReusedThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    import pykka

    from .kinds import Kind

ReplyT = TypeVar("ReplyT")

ANSWER_TIMEOUT: Final = 10.0
"""Seconds after which a request from outside the actors gives up."""

_STOP_TIMEOUT: Final = 5.0
_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TaskSystemError(Exception):
    """A task system could not be started, or somebody else has stopped its actors.

    The text says why and what to do, in one line.
    """


class RefusedError(Exception):
    """A request was refused; the text says why and what to do, in one line."""


class TaskSystem:
    """The actors of one session, wired, started and stopped together.

    Several can live in one process. Nothing here touches signals, logging set-up,
    standard streams or actors other than its own.

    A `with` block starts it and stops it. Its methods may be called on any thread but
    those of its own actors. Those that ask the actors raise `RuntimeError` if it is not
    started, and `TaskSystemError` if somebody else has stopped its actors.

    Args:
        directory: The folder of the session: its journal, and its output files in
            `output/`. Made if it is missing. What is in it is remembered: queued tasks
            run when it is opened again. With none, nothing is remembered, and the
            output is in a temporary folder that is deleted on `stop`.
        name: What the session is called: letters, digits, `.`, `_` and `-`.
        slots: How many tasks run at a time; at least 1.
        kinds: The kinds of tasks, each with a name of its own; by default `bash` and
            `sleep`.
        grace: Seconds between asking a task to end and killing it.
        history: How many finished tasks are remembered; the oldest are forgotten.
        output_limit: Bytes of output beyond which a task is ended as failed.
        session_output_limit: Bytes of output of all tasks together; beyond it the
            oldest finished ones are forgotten, and then the one that writes is ended.

    Raises:
        ValueError: If an argument makes no sense.
    """

    def __init__(  # noqa: PLR0913 - each is one independent setting
        self,
        *,
        directory: Path | None = None,
        name: str = "main",
        slots: int = 8,
        kinds: Iterable[Kind] | None = None,
        grace: float = 5.0,
        history: int = 1000,
        output_limit: int = 1 << 30,
        session_output_limit: int = 10 << 30,
    ) -> None:
        if slots < 1:
            raise ValueError(f"{slots} slots would never run a task; give at least 1")
        if not 0 <= grace < math.inf:
            raise ValueError(
                f"a grace period of {grace} s can't be; give seconds from 0"
            )
        if history < 0:
            raise ValueError(f"can't remember {history} tasks; give a number from 0")
        if not _SESSION_NAME.fullmatch(name):
            raise ValueError(
                f"bad session name {name!r}; use letters, digits, '.', '_' and '-'"
            )
        self._directory = directory
        self._slots = slots
        self._kinds = Kinds(kinds if kinds is not None else (BashKind(), SleepKind()))
        self._grace = grace
        self._history = history
        self._output_limit = output_limit
        self._session_output_limit = session_output_limit
        self._name = name
        self._session_key = ""
        self._queue: pykka.ActorRef[QueueActor] | None = None
        self._runner: pykka.ActorRef[RunnerActor] | None = None
        self._draining: pykka.ActorRef[RunnerActor] | None = None
        self._hurried = False
        self._releases: list[Callable[[], object]] = []
        self.warnings: tuple[str, ...] = ()
        """What a person should know of how the session was found; set by `start`."""
        self.dead_letters = DeadLetters()
        """Counts the messages of this system that reached nobody."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def queue(self) -> pykka.ActorRef[QueueActor]:
        """The QueueActor, which takes every `QueueRequest`.

        Raises:
            RuntimeError: If the system is not started.
        """
        if self._queue is None:
            raise RuntimeError("the task system is not started")
        return self._queue

    @property
    def kinds(self) -> Kinds:
        """The kinds of tasks this system runs."""
        return self._kinds

    def start(self) -> None:
        """Start all actors; blocks until each of them has answered.

        Raises:
            TaskSystemError: If the folder can't be used; nothing is left running.
            RuntimeError: If it is started already.
        """
        if self._queue is not None:
            raise RuntimeError("the task system is started already")
        self._leave_nothing_at_exit()
        try:
            self._start_actors(*self._open_session())
        except (FolderError, JournalError, RefusedError, TimeoutError) as error:
            self.stop()
            raise TaskSystemError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def _leave_nothing_at_exit(self) -> None:
        # All threads here are daemons: a host that just ends would leave its jobs.
        owner = os.getpid()

        def stop() -> None:
            # What a fork made of this process has neither the threads nor the jobs.
            if os.getpid() == owner:
                self.stop()

        atexit.register(stop)
        self._releases.append(lambda: atexit.unregister(stop))

    def _open_session(self) -> tuple[Path, Journal, Memory]:
        directory = self._directory
        if directory is None:
            import tempfile  # noqa: PLC0415 - a remembered session starts without it

            temporary = Path(tempfile.mkdtemp(prefix="backburner-"))
            self._releases.append(lambda: shutil.rmtree(temporary, ignore_errors=True))
            return temporary, NoJournal(), Memory(session_key=os.urandom(6).hex())
        folder = SessionFolder(directory)
        self._releases.append(folder.close)
        last_seen = folder.last_written()
        journal, memory, warning = folder.open_journal()
        # Until the queue has it; closing it again after that does nothing.
        self._releases.append(journal.release)
        left = end_leftovers(memory, self._grace)
        if left is not None:
            warning = f"still alive from the last time, and can't be ended: {left}"
        self.warnings = () if warning is None else (warning,)
        tasks = [as_left(folder.adopt(task), last_seen) for task in memory.tasks]
        return folder.output, journal, replace(memory, tasks=tuple(tasks))

    def _start_actors(self, output: Path, journal: Journal, memory: Memory) -> None:
        self._session_key = memory.session_key
        clock = SystemClock()
        self._releases.append(clock.close)
        exits = make_exit_watcher()
        self._releases.append(exits.close)
        threads = ReusedThreads("TaskActor")
        self._releases.append(threads.close)
        book = TaskBook(memory.next_id, self._history)
        book.restore(memory.tasks)
        self._queue = QueueActor.start(
            QueueConfig(
                kinds=self._kinds,
                output=output,
                output_limit=self._session_output_limit,
                clock=clock,
                dead_letters=self.dead_letters,
            ),
            book,
            journal,
            memory.seq,
        )
        self._request(OpenQueue(), Acknowledged)
        config = TaskActorConfig(
            clock=clock,
            exits=exits,
            dead_letters=self.dead_letters,
            threads=threads,
            session_key=f"{self._name}-{memory.session_key}",
            grace=self._grace,
            output_limit=self._output_limit,
        )
        self._runner = RunnerActor.start(self._queue, self._kinds, self._slots, config)
        self._runner.ask(Begin(), timeout=ANSWER_TIMEOUT)
        # The runner's claims came first, so an answer means that they are known.
        self._request(ListTasks(TaskFilter.RUNNING), TaskList)

    def stop(
        self, reason: str = "the session ended", timeout: float | None = None
    ) -> None:
        """End all tasks and stop all actors, in order, within one deadline.

        Running tasks get the grace period, and so does what finished tasks left
        running. Queued tasks stay for the next time if the session is remembered, and
        are canceled if not. Does nothing if the system is not started.

        Happens by itself when the process ends in an orderly way. Ctrl+C meanwhile cuts
        the grace period short, and its `KeyboardInterrupt` is raised in the end.

        Args:
            reason: What becomes the reason of the tasks that this ends.
            timeout: Seconds after which what still runs is killed; the grace period
                and two seconds by default. Blocks about that long at most.
        """
        deadline = Deadline(self._grace + 2.0 if timeout is None else timeout)
        queue, self._queue = self._queue, None
        runner, self._runner = self._runner, None
        steps: list[Callable[[], object]] = []
        if queue is not None:
            steps.append(lambda: self._close_queue(queue, reason, deadline))
        if runner is not None:
            self._draining = runner
            steps.append(lambda: self._drain(runner, reason, deadline))
            steps.append(lambda: runner.stop(timeout=_STOP_TIMEOUT))
            steps.append(lambda: self._end_leftovers(deadline))
        if queue is not None:
            steps.append(lambda: queue.stop(timeout=_STOP_TIMEOUT))
        interrupt: BaseException | None = None
        for step in (*steps, *reversed(self._releases)):
            # Each is needed whatever became of those before it.
            try:
                step()
            except Exception:  # noqa: BLE001 - logged, and the rest is needed
                logger.exception("A step of stopping the task system failed")
            except BaseException as error:  # noqa: BLE001 - raised below
                interrupt = error
                self.hurry()
        self._draining = None
        self._releases.clear()
        if interrupt is not None:
            raise interrupt

    def hurry(self) -> None:
        """Cut short the grace period of a `stop` under way, from another thread.

        Never blocks; does nothing if no `stop` is under way.
        """
        self._hurried = True
        runner = self._draining
        if runner is not None:
            post(runner, Drain("the session ended", now=True), self.dead_letters)

    def add(
        self,
        description: str,
        kind: str,
        *args: str,
        timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Add a task and return it. Blocks until it is written down, not until it ends.

        Args:
            description: What the task is called wherever it is shown.
            kind: The name of one of the kinds.
            args: What the kind needs to know; for `bash` one string, the command.
            timeout: Seconds to wait for the answer.

        Returns:
            The task: Queued, or Running already.

        Raises:
            RefusedError: If the request makes no sense, or can't be written down.
            TimeoutError: If there was no answer in time; it may still be added.
        """
        request = TaskRequest(description, kind, args)
        return self._request(AddTask(request), TaskAdded, timeout).task

    def get(self, task_id: int, timeout: float = ANSWER_TIMEOUT) -> Task:
        """Return a task as it is now. Blocks until the queue has answered.

        Args:
            task_id: Which.
            timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        return self._request(GetTask(task_id), TaskFound, timeout).task

    def list(
        self, which: TaskFilter = TaskFilter.ALL, timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Task, ...]:
        """Return tasks by id. Blocks until the queue has answered.

        Args:
            which: Those of which status; all by default.
            timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        return self._request(ListTasks(which), TaskList, timeout).tasks

    def cancel(
        self,
        task_id: int,
        *,
        reason: str = "canceled",
        now: bool = False,
        timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Cancel a task; a running one ends within the grace period, or `now`.

        Blocks until the queue has answered, not until the task has ended.

        Args:
            task_id: Which.
            reason: Who or what canceled it; it becomes the reason of the task.
            now: Kill a running one at once, without the grace period.
            timeout: Seconds to wait for the answer.

        Returns:
            The task: Canceled, or Running still.

        Raises:
            RefusedError: If there is no such task, or it has finished.
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        request = CancelTask(task_id, reason, now)
        return self._request(request, CancelAccepted, timeout).tasks[0]

    def cancel_all(
        self, *, reason: str = "canceled", timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Task, ...]:
        """Cancel every task that has not finished, queued ones first; see `cancel`.

        Args:
            reason: Who or what canceled them; it becomes the reason of the tasks.
            timeout: Seconds to wait for the answer.

        Returns:
            The tasks by id, each Canceled, or Running still.

        Raises:
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        return self._request(CancelAll(reason), CancelAccepted, timeout).tasks

    def forget_finished(self, timeout: float = ANSWER_TIMEOUT) -> tuple[int, ...]:
        """Forget finished tasks, delete their output and return their ids.

        Blocks until the queue has answered.

        Args:
            timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        return self._request(ForgetFinished(), Forgotten, timeout).ids

    def subscribe(
        self,
        subscriber: Recipient[Notification],
        *,
        shows: bool = False,
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Tell an actor, or any recipient, of every change from now on.

        Blocks until the first message, `Subscribed`, is on its way.

        Args:
            subscriber: Who.
            shows: Whether it shows changes to a person; see `Subscribe`.
            timeout: Seconds.

        Raises:
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        self._request(Subscribe(subscriber, shows), Acknowledged, timeout)

    def unsubscribe(
        self, subscriber: Recipient[Notification], timeout: float = ANSWER_TIMEOUT
    ) -> None:
        """Tell this recipient nothing more. Blocks until the queue has answered.

        Args:
            subscriber: The same object, or an equal one, that was subscribed.
            timeout: Seconds to wait for the answer.

        Raises:
            TimeoutError: If there was no answer in `timeout` seconds.
        """
        self._request(Unsubscribe(subscriber), Acknowledged, timeout)

    def wait(self, *task_ids: int, timeout: float) -> tuple[Task, ...]:
        """Wait until tasks have ended, and return them as they ended.

        Blocks up to `timeout` seconds, without polling. A task that stays queued for
        the next time when the system is stopped does not end.

        Args:
            task_ids: Which; with none, all that have not ended yet.
            timeout: Seconds for all of them together.

        Returns:
            The tasks in the order of the ids.

        Raises:
            LookupError: If one of them is not known.
            TimeoutError: If one of them has not ended in time.
        """
        deadline = Deadline(timeout)
        queue = self.queue
        news: Promise[Notification] = Promise()
        self.subscribe(news)
        try:
            return _wait_for(news, task_ids, deadline)
        finally:
            # The system may have been stopped meanwhile; then nothing is lost by it.
            post(queue, Unsubscribe(news), DeadLetters())

    def _request(
        self,
        request: QueueRequest | OpenQueue | CloseQueue,
        answer: type[ReplyT],
        timeout: float = ANSWER_TIMEOUT,
    ) -> ReplyT:
        return _ask(self.queue, request, answer, timeout, self.dead_letters)

    def _close_queue(
        self, queue: Recipient[CloseQueue], reason: str, deadline: Deadline
    ) -> None:
        close = CloseQueue(reason, keep_queued=self._directory is not None)
        # Somebody may have stopped it already, together with all other actors.
        with contextlib.suppress(TaskSystemError):
            _ask(queue, close, Acknowledged, deadline.left(), self.dead_letters)

    def _drain(self, runner: Recipient[Drain], reason: str, deadline: Deadline) -> None:
        drained: Promise[Drained] = Promise()
        drain = Drain(reason, now=self._hurried, reply_to=drained)
        if not post(runner, drain, self.dead_letters):
            return
        try:
            drained.get(deadline.left())
        except TimeoutError:
            drain = Drain(reason, now=True, reply_to=drained)
            post(runner, drain, self.dead_letters)
            drained.get(_STOP_TIMEOUT)

    def _end_leftovers(self, deadline: Deadline) -> None:
        key = self._session_key
        left = survivors.end_marked(
            lambda part: is_of_session(part, key),
            min(self._grace, deadline.left()),
            lambda: self._hurried,
        )
        if left:
            logger.error("Could not be ended: %s", survivors.describe(left))


def _ask(
    queue: Recipient[Any],
    request: QueueRequest | OpenQueue | CloseQueue,
    answer: type[ReplyT],
    timeout: float,
    dead_letters: DeadLetters,
) -> ReplyT:
    promise: Promise[QueueReply] = Promise()
    if not post(queue, replace(request, reply_to=promise), dead_letters):
        raise TaskSystemError("the task system has stopped")
    reply = promise.get(timeout)
    if isinstance(reply, Refused):
        raise RefusedError(reply.text)
    if not isinstance(reply, answer):
        raise TypeError(f"{type(request).__name__} was answered by {reply!r}")
    return reply


def _wait_for(
    news: Promise[Notification], task_ids: tuple[int, ...], deadline: Deadline
) -> tuple[Task, ...]:
    ended: dict[int, Task] = {}
    waiting: set[int] | None = None
    while waiting is None or waiting:
        match news.get(deadline.left()):
            case Subscribed(tasks=tasks):
                known = {task.id: task for task in tasks}
                wanted = task_ids or tuple(
                    task.id for task in tasks if not task.status.is_final
                )
                for task_id in wanted:
                    if task_id not in known:
                        raise LookupError(f"no task {task_id}")
                ended = {i: known[i] for i in wanted}
                waiting = {i for i in wanted if not known[i].status.is_final}
            case TaskChanged(task=task) if waiting and task.id in waiting:
                if task.status.is_final:
                    ended[task.id] = task
                    waiting.discard(task.id)
            case _:
                pass
    return tuple(ended.values())
