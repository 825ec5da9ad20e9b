"""The tasks whose changes a subscriber receives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .status import TaskFilter

if TYPE_CHECKING:
    from .task import Task


class TaskSelection(msgspec.Struct, frozen=True):
    """A filter of tasks; by default it accepts all.

    Attributes:
        origin: Only tasks of this origin.
        description: Only tasks with this description.
        which: Only tasks with this status.
        ids: Only these tasks; None for all.
    """

    origin: str | None = None
    description: str | None = None
    which: TaskFilter = TaskFilter.ALL
    ids: frozenset[int] | None = None

    @property
    def is_all(self) -> bool:
        """Whether it accepts all tasks."""
        return self == _ALL

    def __contains__(self, task: Task) -> bool:
        """Return whether it accepts a task."""
        return (
            self.origin in {None, task.origin}
            and self.description in {None, task.description}
            and task.status in self.which.statuses
            and (self.ids is None or task.id in self.ids)
        )


_ALL = TaskSelection()
