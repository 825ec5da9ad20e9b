"""An index of tasks by kind, arguments and directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .request import TaskRequest
    from .task import Task

_What = tuple[str, tuple[str, ...], str | None]


class SameWork:
    """The tasks that have not ended, by kind, arguments and directory."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._ids: dict[_What, dict[int, None]] = {}
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Add a task."""
        self._ids.setdefault(_what(task), {})[task.id] = None

    def drop(self, task: Task) -> None:
        """Remove a task; does nothing if it is unknown."""
        what = _what(task)
        if (ids := self._ids.get(what)) is not None:
            ids.pop(task.id, None)
            if not ids:
                del self._ids[what]

    def find(self, request: TaskRequest) -> tuple[int, ...]:
        """Return the ids of the tasks with the same work as a request."""
        return (*self._ids.get(_what(request), ()),)


def _what(it: Task | TaskRequest) -> _What:
    return (it.kind, it.args, it.directory)
