"""The tasks that have not ended, and which of them can end in this session."""

from __future__ import annotations

from ...actors import Task, TaskStatus


class OpenTasks(dict[int, Task]):
    """The tasks that have not ended, as last heard of, by their ids.

    Args:
        kinds: The names of the kinds that this session has.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__()
        self._kinds = kinds

    @property
    def in_order(self) -> tuple[Task, ...]:
        """All of them, by id."""
        return tuple(self[task_id] for task_id in sorted(self))

    @property
    def awaited(self) -> tuple[Task, ...]:
        """Those that can end in this session, if nobody does anything; by id.

        Those of kinds that it has, but neither those that are held, nor what waits for
        one that can't end.
        """
        stuck: set[int] = set()
        awaited: list[Task] = []
        for task in self.in_order:  # by id: each waits for earlier ones alone
            others = () if task.terms is None else task.terms.waits_for
            queued = task.status is TaskStatus.QUEUED
            if self.can_end(task) and not (queued and stuck.intersection(others)):
                awaited.append(task)
            else:
                stuck.add(task.id)
        return tuple(awaited)

    @property
    def is_any_awaited(self) -> bool:
        """Whether there are `awaited` ones."""
        # Asked after each news of a script, in which nearly always one of the first
        # runs; looking at all of them would be quadratic.
        running = (it for it in self.values() if it.status is TaskStatus.RUNNING)
        return any(map(self.can_end, running)) or bool(self.awaited)

    def can_end(self, task: Task) -> bool:
        """Tell whether a task has ended or can end in this session."""
        if task.status is not TaskStatus.QUEUED:
            return not task.is_paused
        held = task.terms is not None and task.terms.held
        return task.kind in self._kinds and not held
