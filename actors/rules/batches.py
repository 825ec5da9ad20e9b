"""Batches: tasks added together, which are canceled together after some failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .status import TaskStatus

if TYPE_CHECKING:
    from .task import Task


class Batches:
    """The batches that are canceled after a number of failures.

    The terms of their tasks contain the name of the batch and that number.
    """

    def __init__(self) -> None:
        self._open: dict[str, set[int]] = {}
        self._failed: dict[str, int] = {}

    def note(self, task: Task) -> str | None:
        """Record a task.

        Returns:
            Why it can't start, if too many tasks of its batch have failed; otherwise
            None.
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
        """Record the end of a task.

        Returns:
            If it was one failure too many, the tasks of its batch that have not ended,
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
