"""The call that ends tasks: `cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...actors.messages import CancelTask, Refused
from ..program.config import ConfigError
from .call import Answer, Call, gone, refusal
from .facts import facts, line
from .results import CancelResult, NotCanceled
from .tools import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.rules.task import Task
    from .host_client import Reply
    from .session import AgentSession
    from .tools import CancelArguments

_BEYOND_GRACE: Final = 3.0  # seconds for the end after SIGKILL
_NAMED: Final = 10


class CancelCall(Call):
    """`cancel`."""

    _arguments: CancelArguments

    def __init__(
        self,
        session: AgentSession,
        answer: Callable[[Answer], None],
        arguments: Any,  # noqa: ANN401 - as in `Call`
    ) -> None:
        super().__init__(session, answer, arguments)
        self._tasks: dict[int, Task] = {}
        self._refused: list[NotCanceled] = []

    @property
    def note(self) -> str:
        """The current state, for people."""
        return f"ending {', '.join(f'#{it}' for it in [*self._tasks][:_NAMED])}"

    def start(self) -> None:
        """Cancel the tasks."""
        session = self._session
        try:
            end_all = session.rules().end_all
        except ConfigError:
            end_all = False
        reason = f"canceled by {session.origin}"
        for task_id in dict.fromkeys(self._arguments.ids):
            task = session.tasks.get(task_id)
            if task is None:
                self._refuse(task_id, self._unknown(task_id))
            elif task.status.is_final:
                self._refuse(task_id, f"it has already ended: {line(task)}")
            elif task.origin != session.origin and not end_all:
                self._refuse(task_id, "it is not yours; ask the person to cancel it")
            else:
                self._tasks[task_id] = task
        for task_id in [*self._tasks]:
            request = CancelTask(task_id, reason, self._arguments.now)
            session.host.ask(request, self._answered_for(task_id))
        wait = min(session.host.grace + _BEYOND_GRACE, LONGEST_WAIT)
        self._call_later(wait, self.hurry)
        self._answer_if_over()

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""
        if task.id in self._tasks:
            self._tasks[task.id] = task
            self._answer_if_over()

    def tasks_forgotten(self) -> None:
        """Stop waiting for tasks that were removed."""
        self._answer_if_over()

    def hurry(self) -> None:
        """Answer with the current state."""
        lost = [it.id for it in self._tasks.values() if self._is_gone(it)]
        known = [it for it in self._tasks.values() if it.id not in lost]
        over = [it for it in known if _is_over(it)]
        still = [it for it in known if not _is_over(it)]
        lines = [line(it) for it in over]
        lines += [f"not ended yet: {line(it)}" for it in still]
        lines += [f"{gone(it)}." for it in lost]
        lines += [f"#{it.id} was not canceled: {it.why}" for it in self._refused]
        ended, open_ = [*map(facts, over)], [*map(facts, still)]
        result = CancelResult(ended, open_, self._refused, lost)
        self.answer(Answer("\n".join(lines), result, is_error=not self._tasks))

    def _refuse(self, task_id: int, why: str) -> None:
        self._refused.append(NotCanceled(task_id, why))

    def _answered_for(self, task_id: int) -> Callable[[Reply], None]:
        def answered(reply: Reply) -> None:
            task = self._tasks[task_id]
            # A task that has ended by itself needs no cancel.
            has_ended = task.status.is_final or self._is_gone(task)
            if isinstance(reply, Refused | str) and not has_ended:
                self._refuse(task_id, refusal(reply))
                del self._tasks[task_id]
            self._answer_if_over()

        return answered

    def _answer_if_over(self) -> None:
        tasks = self._tasks.values()
        if all(_is_over(it) or self._is_gone(it) for it in tasks):
            self.hurry()


def _is_over(task: Task) -> bool:
    return task.status.is_final and not task.left_running
