"""The blocking calls that read tasks and their output, and wait for changes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from pykka import ActorRef

from ..messages import (
    Acknowledged,
    GetTask,
    ListTasks,
    Notification,
    RefusalCode,
    Subscribe,
    TaskFound,
    TaskList,
    Unsubscribe,
)
from ..rules.status import TaskFilter
from ..runtime.promise import Deadline, Promise, wait_in_halves
from ..runtime.sending import Recipient, post_if_alive
from .asking import ANSWER_TIMEOUT
from .awaiting import Ends, is_over
from .control import Control
from .errors import RefusedError
from .output_lines import OutputLines, last_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..rules.task import Task


class Reading(Control):
    """Reads tasks and their output, and waits for changes."""

    def get(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Return a task. Blocks until the queue has answered.

        Args:
            task_id: The id of the task.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
        """
        return self._request(GetTask(task_id), TaskFound, answer_timeout).task

    def list(
        self,
        which: TaskFilter = TaskFilter.ALL,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> tuple[Task, ...]:
        """Return tasks, sorted by id. Blocks until the queue has answered.

        Args:
            which: The tasks to return, by status; by default all.
            answer_timeout: Seconds to wait for the answer.
        """
        return self._request(ListTasks(which), TaskList, answer_timeout).tasks

    def look_up(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> TaskFound:
        """Return a task, and the id of its process if it has one.

        Args:
            task_id: The id of the task.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task.
        """
        return self._request(GetTask(task_id), TaskFound, answer_timeout)

    def find(
        self,
        which: TaskFilter = TaskFilter.ALL,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> TaskList:
        """Return tasks, sorted by id, and the number of tasks in each status.

        Args:
            which: The tasks to return, by status; by default all.
            answer_timeout: Seconds to wait for the answer.
        """
        return self._request(ListTasks(which), TaskList, answer_timeout)

    def output(
        self,
        task_id: int,
        *,
        follow: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Iterator[str]:
        """Return the lines of a task's output, unchanged.

        Standard output and standard error are one stream. Lines end with a line feed,
        which is not part of them; invalid UTF-8 becomes replacement characters. Lines
        may contain escape sequences: sanitize them before showing them on a terminal.

        Args:
            task_id: The id of the task.
            follow: Whether to continue until the task has ended. The iterator then
                blocks until the next line, which comes within a fifth of a second after
                it was written. Close the iterator, or `break`, to end this.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            An iterator; empty for a task without output, or if its file was deleted.

        Raises:
            RefusedError: If there is no such task.
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
        """Return the last lines of a task's output; see `output`.

        Args:
            task_id: The id of the task.
            count: The maximum number of lines.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or `count` is not a number from 0.
            OSError: If the file can't be read.
        """
        if type(count) is not int:
            text = f"count must be int, not {type(count).__name__}"
            raise RefusedError(text, RefusalCode.INVALID)
        if count < 0:
            text = f"count must be 0 or more lines, not {count}"
            raise RefusedError(text, RefusalCode.INVALID)
        task = self.get(task_id, answer_timeout=answer_timeout)
        if task.output_path is None:
            return ()
        return last_lines(Path(task.output_path), count)

    def wait(self, *task_ids: int, timeout: float) -> tuple[Task, ...]:
        """Wait until tasks have ended, and return the ended tasks.

        Blocks up to `timeout` seconds, without polling.

        Args:
            task_ids: The ids of the tasks; by default all that have not ended yet.
            timeout: Seconds for all of them together.

        Returns:
            The tasks in the order of the ids.

        Raises:
            RefusedError: If a task is unknown.
            TaskSystemError: If the system stops while a task stays queued.
            TimeoutError: If a task has not ended in time.
            ValueError: If `timeout` is nan.
        """
        for task_id in task_ids:
            if type(task_id) is not int:
                given = type(task_id).__name__
                text = f"the ids to wait for must be int, not {given}"
                raise RefusedError(text, RefusalCode.INVALID)
        deadline = Deadline(timeout)
        with self._subscribed(*task_ids) as news:
            ends = Ends(task_ids)
            try:
                return wait_in_halves(
                    lambda seconds: ends.listen(news, Deadline(seconds)),
                    deadline.left(),
                    TimeoutError,
                )
            except TimeoutError:
                raise TimeoutError(f"{ends.missing} within {timeout:g} s") from None

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
        """Send every change from now on to an actor or any other recipient.

        Blocks until the first message, `Subscribed`, was sent. The last one is
        `SystemStopped`.

        Args:
            subscriber: The recipient.
            shows: Whether it shows changes to a person; see `Subscribe`. `stop` then
                waits briefly until it has shown the last ones.
            origin: Only tasks of this origin.
            description: Only tasks with this description.
            which: Only changes to this status, such as `TaskFilter.FINISHED`.
            since: The number of the last change of status that it has handled; 0 for
                none. `Subscribed.missed` then contains the later ones.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the subscriber is an actor that has stopped.
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
        """Send a recipient no more notifications. Blocks until the queue has answered.

        Args:
            subscriber: A recipient equal to the one that was subscribed.
            answer_timeout: Seconds to wait for the answer.
        """
        self._request(Unsubscribe(subscriber), Acknowledged, answer_timeout)

    def _follow(self, task_id: int, lines: OutputLines) -> Iterator[str]:
        with self._subscribed(task_id) as news:
            while not is_over(news, task_id):
                yield from lines.new()
            yield from lines.all()

    @contextlib.contextmanager
    def _subscribed(self, *task_ids: int) -> Generator[Promise[Notification]]:
        queue = self.queue
        news: Promise[Notification] = Promise()
        self._request(Subscribe(news, task_ids=task_ids), Acknowledged, ANSWER_TIMEOUT)
        try:
            yield news
        finally:
            # Not with `ask`: it is no error if the system has stopped.
            post_if_alive(queue, Unsubscribe(news))
