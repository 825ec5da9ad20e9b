"""The open tasks, and which of them can end in this session."""

from __future__ import annotations

from typing import NamedTuple

from ...actors import Task, TaskStatus
from ...actors.rules.terms import PLAIN


class Fates(NamedTuple):
    """The open tasks by what the end of the session does to them, each ordered by id.

    Attributes:
        ended: Running tasks, paused ones too: they are ended.
        later: Queued tasks that start once the session is open again.
        held: Queued tasks that start only after they are released.
        foreign: Queued tasks of kinds that this session does not have.
    """

    ended: list[Task]
    later: list[Task]
    held: list[Task]
    foreign: list[Task]


class OpenTasks(dict[int, Task]):
    """The tasks that have not ended, in their last known states, by id.

    Args:
        kinds: The names of this session's kinds.
    """

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__()
        self._kinds = kinds

    @property
    def in_order(self) -> tuple[Task, ...]:
        """All open tasks, ordered by id."""
        return tuple(self[task_id] for task_id in sorted(self))

    @property
    def awaited(self) -> tuple[Task, ...]:
        """The tasks that will end in this session without intervention, ordered by id.

        Excludes tasks of unknown kinds, held or paused tasks, and queued tasks that
        wait for one of these.
        """
        stuck: set[int] = set()
        awaited: list[Task] = []
        for task in self.in_order:  # by id: each waits only for earlier ones
            queued = task.status is TaskStatus.QUEUED
            blocked = queued and stuck.intersection((task.terms or PLAIN).waits_for)
            if self.can_end(task) and not blocked:
                awaited.append(task)
            else:
                stuck.add(task.id)
        return tuple(awaited)

    @property
    def fates(self) -> Fates:
        """What the end of the session does to each task."""
        fates = Fates([], [], [], [])
        for task in self.in_order:
            if not task.waits_to_run:
                fates.ended.append(task)
            elif task.kind not in self._kinds:
                fates.foreign.append(task)
            else:
                held = (task.terms or PLAIN).held
                (fates.held if held else fates.later).append(task)
        return fates

    @property
    def is_any_awaited(self) -> bool:
        """Whether any task is `awaited`."""
        # Checked after each notification of a script. Nearly always one of the first
        # tasks is running; computing `awaited` each time would be quadratic.
        running = (it for it in self.values() if it.status is TaskStatus.RUNNING)
        return any(map(self.can_end, running)) or bool(self.awaited)

    def can_end(self, task: Task) -> bool:
        """Return whether a task has ended or can end in this session."""
        if task.status is not TaskStatus.QUEUED:
            return not task.is_paused
        return task.kind in self._kinds and not (task.terms or PLAIN).held
