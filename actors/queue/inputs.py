"""Input of running tasks, and which of them wait for input."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ..messages import (
    QueueReply,
    RefusalCode,
    Refused,
    ResizeTerminal,
    SendInput,
    TaskAwaitsInput,
    TaskEvent,
)
from ..rules.figures import MOST_CELLS
from ..rules.status import TaskStatus
from ..rules.task import is_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.attempts import Attempt
    from ..rules.task import Task
    from ..runtime.sending import Recipient
    from .changes import Changes
    from .starts import Starts

LONGEST: Final = 1 << 16
"""Maximum bytes of input in one request."""


class Inputs:
    """Validates and forwards input, and records which tasks wait for input.

    A task whose terminal is shown by a subscriber doesn't count as waiting.
    """

    def __init__(self, changes: Changes, starts: Starts) -> None:
        self._changes = changes
        self._book = changes.book
        self._starts = starts
        # The waiting attempts by task; None for the first attempt.
        self._awaiting: dict[int, Attempt | None] = {}
        self._attached: Counter[int] = Counter()
        # Tasks whose terminal was shown: the person knows that these wait.
        self._left: set[int] = set()

    def take(
        self,
        message: SendInput | ResizeTerminal | TaskAwaitsInput,
        asker: Callable[[], Recipient[Any] | None],
    ) -> QueueReply | None:
        """Forward input to its task, or record that a task waits for input.

        Args:
            message: The message.
            asker: Returns the sender of an `ask` without `reply_to`.
        """
        if not isinstance(message, TaskAwaitsInput):
            return self._pass_on(message, asker)
        for task_id in [it for it in self._awaiting if not self._is_awaiting(it)]:
            del self._awaiting[task_id]
        self._left = {it for it in self._left if self._running(it) is not None}
        if message.awaits and (task := self._running(message.task_id)) is not None:
            self._awaiting[message.task_id] = task.attempt
        else:
            self._awaiting.pop(message.task_id, None)
        self._say(message.task_id, is_new=message.is_new)
        return None

    def attached(self, task_id: int, change: int) -> None:
        """Record that more or fewer subscribers show the terminal of a task."""
        self._attached[task_id] += change
        self._attached += Counter()  # removes zero counts
        if not self._attached[task_id]:
            self._left.add(task_id)
        self._say(task_id, is_new=False)

    def _say(self, task_id: int, *, is_new: bool) -> None:
        task = self._running(task_id)
        awaits = self._is_awaiting(task_id) and not self._attached[task_id]
        if task is None or awaits is task.awaits_input:
            return
        now = self._changes.now()
        task = self._book.note_awaits_input(task_id, awaits=awaits, at=now)
        is_news = awaits and is_new and task_id not in self._left
        event = TaskEvent.INPUT if is_news else TaskEvent.PROGRESS
        self._changes.changed(task, event)

    def _running(self, task_id: int) -> Task | None:
        task = self._book.tasks.get(task_id) if task_id in self._book.tasks else None
        return task if task is not None and is_running(task) else None

    def _is_awaiting(self, task_id: int) -> bool:
        task = self._running(task_id)
        if task is None or task_id not in self._awaiting:
            return False
        return self._awaiting[task_id] == task.attempt

    def _pass_on(
        self,
        message: SendInput | ResizeTerminal,
        asker: Callable[[], Recipient[Any] | None],
    ) -> QueueReply | None:
        """Forward a message to the task, which answers; otherwise return a refusal."""
        task = self._book.tasks.get(message.task_id)
        code = RefusalCode.INVALID
        wanted = None if task.terms is None else task.terms.input
        problem = _problem(message)
        if problem is None and task.status is not TaskStatus.RUNNING:
            problem = f"task {task.id} is not running; it is {task.status}"
            code = RefusalCode.FINISHED if task.status.is_final else code
        elif problem is None and wanted is None:
            problem = (
                f"task {task.id} takes no input; it was added without a terminal or a"
                " pipe for it"
            )
        elif (
            problem is None and wanted == "pipe" and isinstance(message, ResizeTerminal)
        ):
            problem = f"task {task.id} has no terminal; it was added without one"
        if (
            isinstance(message, ResizeTerminal)
            and message.if_free
            and self._attached[task.id]
        ):
            problem, code = "another client uses the terminal", RefusalCode.BUSY
        if problem is not None:
            return Refused(problem, code)
        if isinstance(message, SendInput) and message.data:
            # The input ends the current wait; the next one is reported again.
            self._left.discard(task.id)
            self._awaiting.pop(task.id, None)
            self._say(task.id, is_new=False)
        self._starts.pass_on(replace(message, reply_to=message.reply_to or asker()))
        return None


def _problem(message: SendInput | ResizeTerminal) -> str | None:
    if isinstance(message, SendInput):
        size = len(message.data)
        if size > LONGEST:
            return f"send at most {LONGEST:,} bytes at once, not {size:,}"
        return None
    for name, value in (("columns", message.columns), ("rows", message.rows)):
        if not 1 <= value <= MOST_CELLS:
            return f"{name} must be from 1 to {MOST_CELLS}, not {value}"
    return None
