"""Dependencies: which tasks wait for the ends of others."""

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
    """The tasks that wait for others, and the statuses with which these must end."""

    def __init__(self) -> None:
        self.unmet: dict[int, tuple[int] | dict[int, tuple[TaskStatus, ...]]] = {}
        """The unmet dependencies of each task, by its id; read-only for others.

        A dictionary of the accepted statuses by id; or a tuple with the only task it
        waits for, which must complete, as is usual in a chain.
        """
        # A single dependent, as is usual in a chain, is stored without a collection.
        self._dependents: dict[int, int | dict[int, None]] = {}
        self._released: list[int] = []

    def add(
        self, task_id: int, terms: Terms, ended: Mapping[int, TaskStatus]
    ) -> int | None:
        """Add a task with its dependencies, some of which may have ended.

        Returns:
            The id of an ended task because of which it can never start; it is then not
            added. None otherwise.
        """
        after = terms.after
        if len(after) == 1 and not (
            terms.after_failed or terms.after_any or after[0] in ended
        ):  # the usual case
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
        """Record that a task waits for another one."""
        dependents = self._dependents.setdefault(other, task_id)
        if isinstance(dependents, dict):
            dependents[task_id] = None
        elif dependents != task_id:
            self._dependents[other] = {dependents: None, task_id: None}

    def drop(self, task_id: int) -> None:
        """Remove the dependencies of a task."""
        for other in self.unmet.pop(task_id, ()):
            dependents = self._dependents[other]
            if isinstance(dependents, dict):
                dependents.pop(task_id, None)
            else:
                del self._dependents[other]

    def ended(self, task_id: int, status: TaskStatus) -> tuple[list[int], list[int]]:
        """Record the end of a task.

        Returns:
            The tasks that now can never start, and the tasks whose dependencies are now
            met.
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
        """Return the tasks whose dependencies are now met; each only once."""
        released, self._released = self._released, []
        return released


def _conditions(terms: Terms) -> dict[int, tuple[TaskStatus, ...]]:
    """Return the tasks that must end first, with the accepted statuses of each."""
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
