"""A tool call in progress, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ...actors.messages import Refused
from ...actors.rules.safe_text import safe_line
from ...actors.rules.task import Task
from .results import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host_client import Reply
    from .loop import Timer
    from .search import Search
    from .session import AgentSession


class Answer(msgspec.Struct, frozen=True):
    """The answer of a call.

    Attributes:
        text: The text for a model.
        result: The answer as data; None if it failed.
        is_error: Whether the call or its task failed.
        task: The task that keeps running, if the call started one.
    """

    text: str
    result: Result | None = None
    is_error: bool = False
    task: Task | None = None


class Call:
    """A call in progress; it answers once, unless it is withdrawn."""

    def __init__(
        self,
        session: AgentSession,
        answer: Callable[[Answer], None],
        arguments: Any,  # noqa: ANN401 - each call names the type of its own
    ) -> None:
        self._session = session
        self._tell = answer
        self._arguments = arguments
        self._is_over = False
        self._timer: Timer | None = None
        self._search: Search | None = None

    @property
    def note(self) -> str:
        """The current state, for people."""
        return "waiting for the session's host"

    def start(self) -> None:
        """Start; the host is ready."""
        raise NotImplementedError

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""

    def tasks_forgotten(self) -> None:
        """Handle the removal of tasks, whose ends may not have been reported."""

    def host_failed(self, text: str) -> None:
        """Handle the end of the session, or a failure to reach it."""
        self.fail(f"{text}. Call the tool again to start the session again.")

    def hurry(self) -> None:
        """Answer with the current state, if that is an answer."""
        self.fail("the connection was closed")

    def interrupt(self) -> None:
        """Answer with the current state: the caller has canceled."""
        self.hurry()
        self.fail("stopped before there was an answer")

    def withdraw(self) -> None:
        """Send no answer: the caller is gone."""
        self._finish()

    def fail(self, text: str) -> None:
        """Answer with an error."""
        self.answer(Answer(text, is_error=True))

    def answer(self, answer: Answer) -> None:
        """Send the answer, unless there was one."""
        if not self._is_over:
            self._finish()
            self._tell(answer)

    def _finish(self) -> None:
        self._is_over = True
        self._session.calls.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._search is not None:
            self._search.stop()

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._session.loop.call_later(seconds, call)

    def _visible(self, task_id: int) -> Task | None:
        """Return a task that the agent may see; otherwise fail and return None."""
        task = self._session.tasks.get(task_id)
        if task is None:
            self.fail(f"{self._unknown(task_id)}; `list` shows all tasks")
        return task

    def _unknown(self, task_id: int) -> str:
        return f"there is no task {task_id}{self._session.whose}"

    def _is_gone(self, task: Task) -> bool:
        """Return whether a task has ended with an unknown outcome."""
        return not task.status.is_final and task.id not in self._session.tasks


def gone(task_id: int) -> str:
    """Describe a task that has ended with an unknown outcome."""
    return (
        f"#{task_id} has ended and is no longer in the history; how it ended is unknown"
    )


def refusal(reply: Reply) -> str:
    """Return why a request was not carried out, for its sender."""
    if isinstance(reply, str):
        return reply
    if isinstance(reply, Refused):
        return safe_line(reply.text)
    return f"the session's host answered with {type(reply).__name__}; restart it"
