"""Batches: tasks that were added together, and end together if many of them fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .status import TaskStatus

if TYPE_CHECKING:
    from .task import Task


class Batches:
    """The batches that end after a number of failures.

    Tasks of a batch carry its name and that number in their terms.
    """

    def __init__(self) -> None:
        self._open: dict[str, set[int]] = {}
        self._failed: dict[str, int] = {}

    def note(self, task: Task) -> str | None:
        """Note a task as it is.

        Returns:
            Why it can't start: too many of its batch have failed already. None if it
            can, or has ended.
        """
        terms = task.terms
        if terms is None or terms.max_fails is None:
            return None
        if task.status.is_final:
            failed = task.status is TaskStatus.FAILED
            self._failed[terms.batch] = self._failed.get(terms.batch, 0) + failed
            return None
        self._open.setdefault(terms.batch, set()).add(task.id)
        return self._why(terms.batch, terms.max_fails)

    def ended(self, task: Task) -> tuple[list[int], str]:
        """Note the end of a task.

        Returns:
            The tasks of its batch that have not ended, if it was one failure too many,
            and why they can't start.
        """
        terms = task.terms
        if terms is None or terms.max_fails is None:
            return [], ""
        self.note(task)
        members = self._open.get(terms.batch, set())
        members.discard(task.id)
        why = self._why(terms.batch, terms.max_fails)
        if not members:
            self._open.pop(terms.batch, None)
        if why is None or task.status is not TaskStatus.FAILED:
            return [], ""
        return sorted(members), why

    def _why(self, batch: str, most: int) -> str | None:
        failed = self._failed.get(batch, 0)
        if failed < most:
            return None
        return f"{failed} task{'s' * (failed > 1)} of its batch failed"
