"""Waiting for the ends of tasks with a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..messages import (
    Notification,
    RefusalCode,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TasksForgotten,
)
from ..runtime.promise import Deadline, Promise
from .errors import RefusedError, TaskSystemError

if TYPE_CHECKING:
    from ..rules.task import Task

_LOOK: Final = 0.2  # seconds between two reads of a file that is followed
_NAMED: Final = 5  # maximum number of tasks that an error names
LEFT: Final = "has ended and left the history while this program was disconnected"


def is_over(news: Promise[Notification], task_id: int) -> bool:
    """Wait briefly; return whether a task has ended, so that its output is complete."""
    deadline = Deadline(_LOOK)
    while (left := deadline.left()) > 0:
        try:
            message = news.get(left)
        except TimeoutError:
            break
        match message:
            case TaskChanged(task=task) if task.id == task_id:
                return task.status.is_final
            case Subscribed(tasks=tasks):
                known = {task.id: task for task in tasks}
                return task_id not in known or known[task_id].status.is_final
            case TasksForgotten(ids=ids) if task_id in ids:
                return True
            case SystemStopped():
                return True
            case _:
                pass
    return False


class Ends:
    """Collects the ends of tasks, by default of all open ones."""

    def __init__(self, task_ids: tuple[int, ...]) -> None:
        self._wanted = task_ids
        self._ended: dict[int, Task] = {}
        self._waiting: set[int] | None = None

    def listen(
        self, news: Promise[Notification], deadline: Deadline
    ) -> tuple[Task, ...]:
        """Handle notifications until all tasks have ended; return the tasks.

        May be called again after a timeout.

        Raises:
            RefusedError: If a task is unknown, or was forgotten.
            TaskSystemError: If the system stops before.
            TimeoutError: If a task has not ended in time.
        """
        while self._waiting is None or self._waiting:
            match news.get(deadline.left()):
                case Subscribed(tasks=tasks):
                    self._begin({task.id: task for task in tasks})
                case TaskChanged(task=task) if task.id in (self._waiting or ()):
                    self._note(task)
                case TasksForgotten(ids=ids):
                    for task_id in (self._waiting or set()).intersection(ids):
                        text = f"task {task_id} {LEFT}"
                        raise RefusedError(text, RefusalCode.UNKNOWN)
                case SystemStopped(reason=reason):
                    text = f"{self.missing}, and the task system has stopped: {reason}"
                    raise TaskSystemError(text)
                case _:
                    pass
        return tuple(self._ended.values())

    @property
    def missing(self) -> str:
        """The tasks that have not ended, for people."""
        match sorted(self._waiting or ()):
            case []:
                return "no answer"
            case [one]:
                return f"task {one} has not ended"
            case several if len(several) <= _NAMED:
                return f"tasks {', '.join(map(str, several))} have not ended"
            case many:
                return f"{len(many)} tasks have not ended"

    def _begin(self, known: dict[int, Task]) -> None:
        wanted = self._wanted or tuple(
            task.id for task in known.values() if not task.status.is_final
        )
        for task_id in wanted:
            if task_id not in known:
                raise RefusedError(f"no task {task_id}", RefusalCode.UNKNOWN)
        # In the order of the ids; each task is replaced when it ends.
        self._ended = {task_id: known[task_id] for task_id in wanted}
        self._waiting = set(wanted)
        for task in self._ended.values():
            self._note(task)

    def _note(self, task: Task) -> None:
        if self._waiting is not None and task.status.is_final:
            self._ended[task.id] = task
            self._waiting.discard(task.id)
