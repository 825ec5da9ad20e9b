"""`backburner show`: all properties of a task."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ...actors import TaskFilter, TaskStatus
from ...actors.processes import activity
from ..dialogue.last_runs import LastRuns
from ..dialogue.lookups import LookAtTask, look_at_task
from ..dialogue.reports import activity_facts, detail_lines
from ..dialogue.usage import activity_of, usage_facts

if TYPE_CHECKING:
    from ...actors import TaskFound
    from ...actors.host.remote import RemoteSystem
    from ...actors.processes.activity import VitalSigns
    from ...actors.session.closed import ClosedSession
    from ..dialogue.last_runs import Estimate
    from ..text.theme import Icons

_MOMENT: Final = 0.2
"""Seconds over which the CPU usage of a running task is measured."""


class Shown:
    """The properties of one task; blocks until they are collected."""

    def __init__(self, system: RemoteSystem | ClosedSession, found: TaskFound) -> None:
        self._found = found
        earlier: VitalSigns | None = None
        self._estimate: Estimate | None = None
        if found.task.status is TaskStatus.RUNNING:
            runs = LastRuns(system.list(TaskFilter.COMPLETE))
            self._estimate = runs.estimate(found.task)
            if found.pid is not None:
                earlier = activity.look(found.pid)
                time.sleep(_MOMENT)
        self._earlier = earlier
        self._look = look_at_task(LookAtTask(found, time.time()))

    def lines(self, icons: Icons) -> list[str]:
        """Return them for people."""
        look = self._look
        facts = activity_facts(look.silence, look.signs, self._earlier)
        facts += usage_facts(look.signs, look.limits)
        left = None if self._estimate is None else self._estimate.text()
        return detail_lines(self._found, icons, facts, look.end, left)

    def data(self) -> dict[str, Any]:
        """Return them for programs: the task, and its activity if it runs."""
        task = self._found.task
        data: dict[str, Any] = msgspec.to_builtins(task)
        if task.status is TaskStatus.RUNNING:
            does = activity_of(self._look, self._earlier, self._estimate)
            data["activity"] = msgspec.to_builtins(does)
        return data
