"""Which tasks a subscriber wants to be told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .status import TaskFilter

if TYPE_CHECKING:
    from .task import Task


class TaskSelection(msgspec.Struct, frozen=True):
    """Some of the tasks; by default all.

    Attributes:
        origin: Those of this origin.
        description: Those that are called this.
        which: Those of this status.
    """

    origin: str | None = None
    description: str | None = None
    which: TaskFilter = TaskFilter.ALL

    @property
    def is_all(self) -> bool:
        """Whether every task is among them."""
        return self == _ALL

    def __contains__(self, task: Task) -> bool:
        """Tell whether a task is among them, as it is now."""
        return (
            self.origin in {None, task.origin}
            and self.description in {None, task.description}
            and task.status in self.which.statuses
        )


_ALL = TaskSelection()
