"""Which waiting tasks wait for the ends of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .terms import Terms

_COMPLETE: Final = (TaskStatus.COMPLETE,)
_FAILED: Final = (TaskStatus.FAILED,)
_ENDED: Final = (TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELED)


class Dependencies:
    """The tasks that wait for others, and how those may end."""

    def __init__(self) -> None:
        self.unmet: dict[int, tuple[int] | dict[int, tuple[TaskStatus, ...]]] = {}
        """By the id of a task: those it waits for; to be read only.

        How these may end; one alone, as in a chain, is to be complete.
        """
        # One alone, as in a chain, without a collection of its own.
        self._dependents: dict[int, int | dict[int, None]] = {}
        self._released: list[int] = []

    def add(
        self, task_id: int, terms: Terms, ended: Mapping[int, TaskStatus]
    ) -> int | None:
        """Let a task wait for those that its terms name, some of which may have ended.

        Returns:
            The id of an ended task because of which it can never start; it does not
            wait then. `None` otherwise.
        """
        after = terms.after
        if len(after) == 1 and not (
            terms.after_failed or terms.after_any or after[0] in ended
        ):  # as of most that wait for others
            self.unmet[task_id] = after
            self._note(after[0], task_id)
            return None
        unmet = _conditions(terms)
        for other, accepted in [*unmet.items()]:
            status = ended.get(other)
            if status in accepted:
                del unmet[other]
            elif status is not None or not accepted:
                return other
        if unmet:
            self.unmet[task_id] = unmet
            for other in unmet:
                self._note(other, task_id)
        return None

    def _note(self, other: int, task_id: int) -> None:
        """Note that a task waits for another one."""
        dependents = self._dependents.setdefault(other, task_id)
        if isinstance(dependents, dict):
            dependents[task_id] = None
        elif dependents != task_id:
            self._dependents[other] = {dependents: None, task_id: None}

    def drop(self, task_id: int) -> None:
        """Let a task wait for no other any more."""
        for other in self.unmet.pop(task_id, ()):
            dependents = self._dependents[other]
            if isinstance(dependents, dict):
                dependents.pop(task_id, None)
            else:
                del self._dependents[other]

    def ended(self, task_id: int, status: TaskStatus) -> tuple[list[int], list[int]]:
        """Note the end of a task.

        Returns:
            The tasks that can never start because of it, and those that wait for no
            other any more.
        """
        never: list[int] = []
        met: list[int] = []
        dependents = self._dependents.pop(task_id, ())
        for dependent in (dependents,) if isinstance(dependents, int) else dependents:
            unmet = self.unmet[dependent]
            if isinstance(unmet, tuple):
                unmet = self.unmet[dependent] = dict.fromkeys(unmet, _COMPLETE)
            if status not in unmet.pop(task_id):
                never.append(dependent)
            elif not unmet:
                del self.unmet[dependent]
                met.append(dependent)
        self._released += met
        return never, met

    def take_released(self) -> list[int]:
        """Return the tasks that wait for no other any more; once each."""
        released, self._released = self._released, []
        return released


def _conditions(terms: Terms) -> dict[int, tuple[TaskStatus, ...]]:
    """Return the tasks that must have ended, and with which statuses each may."""
    conditions: dict[int, tuple[TaskStatus, ...]] = {}
    for ids, accepted in (
        (terms.after, _COMPLETE),
        (terms.after_failed, _FAILED),
        (terms.after_any, _ENDED),
    ):
        for other in ids:
            if (before := conditions.get(other)) is None:
                conditions[other] = accepted
            else:
                conditions[other] = tuple(it for it in before if it in accepted)
    return conditions
