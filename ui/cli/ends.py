"""Subscribers for verbs that wait for ends of tasks, or show output."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from typing import TYPE_CHECKING, Self

from ...actors import (
    JournalTrouble,
    Notification,
    Subscribed,
    SystemStopped,
    Task,
    TaskChanged,
    TaskEvent,
    TaskFilter,
    TasksForgotten,
    TaskSystemError,
    Unsubscribe,
)
from ...actors.rules.safe_text import safe_line
from ...actors.runtime.sending import post
from ...actors.session.asking import ANSWER_TIMEOUT
from ...actors.session.closed import ClosedSession
from ..dialogue.reports import input_text

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from ...actors.host.remote import RemoteSystem


class TaskEnds:
    """A subscriber that records which tasks have ended, inside its `with` block."""

    def __init__(self, system: RemoteSystem) -> None:
        self._system = system
        self._ended: dict[int, Task] = {}
        self._stopped: str | None = None
        self._interrupted = False
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        # Not to queued tasks, of which there may be many.
        self._system.subscribe(self, which=TaskFilter.FINISHED)
        return self

    def __exit__(self, *_: object) -> None:
        post(self._system.queue, Unsubscribe(self), self._system.dead_letters)

    def tell(self, news: Notification, /) -> None:
        """Handle a notification of the queue. Never blocks."""
        with self._changed:
            match news:
                case Subscribed(tasks=tasks):
                    self._ended |= {t.id: t for t in tasks if t.status.is_final}
                case TaskChanged(task=task) if task.status.is_final:
                    self._ended[task.id] = task
                case TasksForgotten(ids=()):
                    self._interrupted = True
                case SystemStopped(reason=reason):
                    self._stopped = reason
                case _:
                    return
            self._changed.notify_all()

    def wait(self, ids: Collection[int], timeout: float) -> tuple[Task, ...]:
        """Return those of the tasks that have ended; block until at least one has.

        Raises:
            TaskSystemError: If the session has ended.
            RefusedError: If one of them has ended and was removed.
        """

        def known() -> bool:
            over = self._interrupted or self._stopped is not None
            return over or not self._ended.keys().isdisjoint(ids)

        with self._changed:
            self._changed.wait_for(known, None if timeout == math.inf else timeout)
            ended = tuple(self._ended[it] for it in ids if it in self._ended)
            if not ended and self._stopped is not None:
                raise TaskSystemError(f"the session has ended: {self._stopped}")
            if ended or not self._interrupted:
                return ended
            self._interrupted = False
        for task_id in ids:
            self._system.get(task_id)
        return self.wait(ids, timeout)


class _InputNews:
    """A subscriber that reports on standard error why tasks don't end.

    Either a task waits for input, or the journal can't be written.
    """

    def __init__(self, ids: Collection[int], where: str) -> None:
        self._ids = frozenset(ids)
        self._where = where

    def tell(self, news: Notification, /) -> None:
        """Handle a notification of the queue."""
        match news:
            case Subscribed(tasks=tasks):
                for task in tasks:
                    self._say(task)
            case TaskChanged(event=TaskEvent.INPUT, task=task):
                self._say(task)
            case JournalTrouble(text=text):
                trouble = text and f"can't write the journal, waiting: {text}"
                told = safe_line(trouble or "the journal can be written again")
                sys.stderr.write(f"backburner: {told}\n")
            case _:
                pass

    def _say(self, task: Task) -> None:
        if task.id in self._ids and task.awaits_input:
            # The task may have printed an incomplete line.
            apart = "\n" if sys.stdout.isatty() and sys.stderr.isatty() else ""
            sys.stderr.write(f"{apart}{input_text(task, verbs=self._where)}\n")


@contextlib.contextmanager
def reporting_waits(
    system: RemoteSystem | ClosedSession, ids: Collection[int], where: str
) -> Generator[None]:
    """Report on standard error, inside the `with` block, why tasks don't end.

    `where` are the options of the suggested commands, as `Call.where`.
    """
    if isinstance(system, ClosedSession) or not ids:
        yield
        return
    news = _InputNews(ids, where)
    system.subscribe(news, which=TaskFilter.RUNNING)
    try:
        yield
    finally:
        post(system.queue, Unsubscribe(news), system.dead_letters)


class _JournalNews:
    """A subscriber that records faults of the journal."""

    def __init__(self) -> None:
        self.trouble: str | None = None

    def tell(self, news: Notification, /) -> None:
        """Handle a notification of the queue."""
        if isinstance(news, JournalTrouble):
            self.trouble = news.text


def journal_trouble(
    system: RemoteSystem, timeout: float = ANSWER_TIMEOUT
) -> str | None:
    """Return why the journal of a session can't be written now; None if it can.

    Blocks until the queue has answered.

    Raises:
        TimeoutError: If there is no answer within `timeout` seconds.
    """
    news = _JournalNews()
    # Faults are reported right after the tasks, so subscribe to few of them.
    system.subscribe(news, which=TaskFilter.RUNNING, answer_timeout=timeout)
    post(system.queue, Unsubscribe(news), system.dead_letters)
    return news.trouble and f"can't write the journal: {safe_line(news.trouble)}"


def warn_if_outdated(system: RemoteSystem | ClosedSession) -> None:
    """Warn on standard error if the state shown is outdated."""
    if isinstance(system, ClosedSession):
        return
    if trouble := journal_trouble(system):
        sys.stderr.write(f"backburner: this may be out of date: {trouble}\n")
