"""A session as one agent uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..program.config import ConfigError, load
from .call import Answer
from .calls import make_call
from .host_client import HostClient
from .tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.rules.task import Task
    from ..program.config import AgentsTable
    from .call import Call
    from .loop import Loop
    from .place import Place

_PREFIX: Final = "agent:"
_LONGEST_NAME: Final = 40
_FULL: Final = 1000  # calls under way


def origin_of(name: str) -> str:
    """Return the origin of the tasks of an agent of this name."""
    plain = brief(" ".join(safe_line(name).split()), _LONGEST_NAME - 1)
    return f"{_PREFIX}{plain or 'unnamed'}"


class AgentSession:
    """The tasks that an agent may see, and its calls under way.

    Args:
        loop: Calls back.
        place: Which session.
        origin: That of the agent's tasks.
        changed: Told of a task that has changed.
        failed: Told why, when the session has ended or can't be reached.

    Raises:
        ConfigError: If the configuration can't be used.
    """

    def __init__(
        self,
        loop: Loop,
        place: Place,
        origin: str,
        changed: Callable[[Task], None],
        failed: Callable[[str], None],
    ) -> None:
        self.loop = loop
        self.origin = origin
        self.calls: set[Call] = set()
        self._place = place
        self._changed = changed
        self._failed = failed
        self._sees_all = load(place.config).agents.see_all
        self.host = HostClient(
            loop,
            place,
            None if self._sees_all else origin,
            self._task_changed,
            self._host_failed,
        )

    @property
    def tasks(self) -> dict[int, Task]:
        """The tasks that the agent may see, by id."""
        return self.host.tasks

    @property
    def of_whom(self) -> str:
        """What is to be said after "there is no such task"."""
        return "" if self._sees_all else " of yours"

    def rules(self) -> AgentsTable:
        """Return what the configuration lets agents do, as it is now.

        Raises:
            ConfigError: If it can't be used.
        """
        return load(self._place.config).agents

    def call(
        self, name: str, arguments: object, answer: Callable[[Answer], None]
    ) -> Call | None:
        """Call a tool.

        Args:
            name: One of `TOOLS`.
            arguments: As they came.
            answer: Told the answer; maybe at once.

        Returns:
            The call, or None if it can't be made, which is answered.
        """
        try:
            given = msgspec.convert(arguments, TOOLS[name].arguments, strict=False)
        except msgspec.ValidationError as error:
            known = ", ".join(TOOLS[name].arguments.__struct_fields__)
            text = safe_line(f"{name}: {error}. It takes: {known}")
            answer(Answer(text, is_error=True))
            return None
        if len(self.calls) >= _FULL:
            answer(Answer("too many calls at once; wait for some", is_error=True))
            return None
        call = make_call(self, given, answer)
        self.calls.add(call)

        def begin(problem: str | None) -> None:
            if call not in self.calls:
                return  # withdrawn meanwhile
            if problem is None:
                call.start()
            else:
                call.fail(problem)

        self.host.when_ready(begin)
        return call

    def find_key(self, key: str) -> Task | None:
        """Return the task with this key, if the agent may see it."""
        if key:
            for task in reversed(self.tasks.values()):
                if task.key == key:
                    return task
        return None

    def _task_changed(self, task: Task) -> None:
        for call in [*self.calls]:
            call.task_changed(task)
        self._changed(task)

    def _host_failed(self, text: str) -> None:
        for call in [*self.calls]:
            call.host_failed(text)
        self._failed(text)


__all__ = ["AgentSession", "ConfigError", "origin_of"]
