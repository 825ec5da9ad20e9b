"""What a subscriber is told when its subscription was interrupted and begins again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import Notification, Subscribed, TaskChanged, TaskEvent, TasksForgotten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..rules.status import TaskStatus
    from ..rules.task import Task


class Follower:
    """Makes one story of several subscriptions: what was missed is told as changes.

    A subscriber that was too slow, or whose host died, is subscribed again; it gets one
    `Subscribed` in all, and of each task that changed meanwhile how it is now.

    Args:
        told_of_all: Whether a task that is not in a `Subscribed` is forgotten. Else it
            may only be of another status than those that the subscriber has asked for.
    """

    def __init__(self, *, told_of_all: bool = True) -> None:
        self._told_of_all = told_of_all
        self._known: dict[int, TaskStatus] | None = None
        self._seq = 0

    def take(self, news: Notification) -> Iterable[Notification]:
        """Take what the host told; return what the subscriber is to be told."""
        match news:
            case Subscribed(tasks=tasks) if self._known is None:
                self._known = {task.id: task.status for task in tasks}
                self._seq = news.seq
                return (news,)
            case Subscribed():
                return tuple(self._catch_up(news))
            case TaskChanged(task=task):
                self._note(task)
                self._seq = news.seq
            case TasksForgotten(ids=ids):
                for task_id in ids:
                    self._known_tasks.pop(task_id, None)
            case _:
                pass
        return (news,)

    @property
    def _known_tasks(self) -> dict[int, TaskStatus]:
        if self._known is None:
            self._known = {}
        return self._known

    def _note(self, task: Task) -> None:
        self._known_tasks[task.id] = task.status

    def _catch_up(self, news: Subscribed) -> Iterator[Notification]:
        known = self._known_tasks
        for change in news.unshown:
            # One that came before it was interrupted is told once.
            if change.seq > self._seq or change.task.id not in known:
                self._note(change.task)
                yield change
        for task in news.tasks:
            before = known.get(task.id)
            if before is task.status and task.status.is_final:
                continue
            same = before is task.status
            event = TaskEvent.PROGRESS if same else TaskEvent.of(task.status)
            self._note(task)
            yield TaskChanged(news.seq, event, task)
        self._seq = news.seq
        gone = known.keys() - {task.id for task in news.tasks}
        if gone and self._told_of_all:
            for task_id in gone:
                del known[task_id]
            yield TasksForgotten(news.seq, tuple(sorted(gone)))
