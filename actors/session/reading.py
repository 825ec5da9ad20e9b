"""The blocking calls that tell of tasks: as they are, and as they change."""

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
        with self._subscribed() as news:
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

    def _follow(self, task_id: int, lines: OutputLines) -> Iterator[str]:
        with self._subscribed() as news:
            while not is_over(news, task_id):
                yield from lines.new()
            yield from lines.all()

    @contextlib.contextmanager
    def _subscribed(self) -> Generator[Promise[Notification]]:
        queue = self.queue
        news: Promise[Notification] = Promise()
        self.subscribe(news)
        try:
            yield news
        finally:
            # Not a request: if the system has stopped meanwhile, that is no error.
            post_if_alive(queue, Unsubscribe(news))
