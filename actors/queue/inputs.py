"""What is sent to running tasks: input, and the size of their terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ..messages import QueueReply, RefusalCode, Refused, ResizeTerminal, SendInput
from ..rules.book import UnknownTaskError
from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..runtime.sending import Recipient
    from .changes import Changes
    from .starts import Starts

LONGEST: Final = 1 << 16
"""Bytes of input that are taken at once."""

LARGEST: Final = 1000
"""Columns or rows that a terminal has at most."""


class Inputs:
    """Passes on what is sent to tasks that run, and refuses what can't be sent.

    Args:
        changes: The tasks there are.
        starts: Leads to the runner.
    """

    def __init__(self, changes: Changes, starts: Starts) -> None:
        self._changes = changes
        self._book = changes.book
        self._starts = starts

    def pass_on(
        self,
        message: SendInput | ResizeTerminal,
        asker: Callable[[], Recipient[Any] | None],
    ) -> QueueReply | None:
        """Pass a message on to the task, which answers; return a refusal if it can't.

        Args:
            message: What is sent.
            asker: Returns who waits for the answer, if it names nobody.
        """
        try:
            task = self._book.get(message.task_id)
        except UnknownTaskError as error:
            return self._changes.unknown(error.task_id, message.correlation_id)
        code = RefusalCode.INVALID
        wanted = None if task.terms is None else task.terms.input
        problem = _problem(message)
        if problem is None and task.status is not TaskStatus.RUNNING:
            problem = f"task {task.id} does not run; it is {task.status}"
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
        if problem is not None:
            return Refused(problem, code, message.correlation_id)
        self._starts.pass_on(replace(message, reply_to=message.reply_to or asker()))
        return None


def _problem(message: SendInput | ResizeTerminal) -> str | None:
    if isinstance(message, SendInput):
        size = len(message.data)
        if size > LONGEST:
            return f"send at most {LONGEST:,} bytes at once, not {size:,}"
        return None
    for name, value in (("columns", message.columns), ("rows", message.rows)):
        if not 1 <= value <= LARGEST:
            return f"{name} must be from 1 to {LARGEST}, not {value}"
    return None
