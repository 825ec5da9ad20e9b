"""A session as seen by one agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..program.config import ConfigError, agents_rules, load
from ..program.policy import matching
from .call import Answer
from .calls import make_call
from .host_client import HostClient
from .tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.messages import QueueReply, QueueRequest
    from ...actors.rules.task import Task, TaskRequest
    from ..program.config import AgentsTable
    from .call import Call
    from .loop import Loop
    from .place import Place

_PREFIX: Final = "agent:"
_LONGEST_NAME: Final = 40
_FULL: Final = 1000  # concurrent calls


def origin_of(name: str) -> str:
    """Return the origin of tasks of the agent with this name."""
    plain = brief(" ".join(safe_line(name).split()), _LONGEST_NAME - 1)
    return f"{_PREFIX}{plain or 'unnamed'}"


class SessionHost(Protocol):
    """The connection to a session, as used for an agent."""

    @property
    def tasks(self) -> dict[int, Task]:
        """The tracked tasks by id, as last reported."""
        ...

    @property
    def grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL for a canceled task."""
        ...

    def when_ready(self, then: Callable[[str | None], None]) -> None:
        """Call `then` with None when connected, or with the reason of a failure."""
        ...

    def ask(
        self, request: QueueRequest, answered: Callable[[QueueReply | str], None]
    ) -> int:
        """Send a request; `answered` gets the answer, or the reason for its lack."""
        ...

    def leave(self) -> None:
        """Disconnect from the session, which continues."""
        ...


class Watcher(Protocol):
    """Handles changes of tasks and the end of their session."""

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""
        ...

    def tasks_forgotten(self) -> None:
        """Handle the removal of tasks, whose ends may not have been reported."""
        ...

    def host_failed(self, text: str) -> None:
        """Handle the end of the session, or a failure to reach it."""
        ...


class AgentSession:
    """The tasks that an agent may see, and its calls in progress.

    Args:
        loop: Runs the callbacks.
        origin: The origin of the agent's tasks.
        rules: Returns the current rules for agents from the configuration; raises
            `ConfigError` if it is invalid.
        connect: Returns the connection to the session, given this one as a `Watcher`.

    Raises:
        ConfigError: If the configuration is invalid.
    """

    asked_in = "main"
    """The conversation for questions to a person; a chat opens with this one."""
    waits_for_person = False
    """Whether calls wait until a person has allowed or refused a command."""
    patience: float | None = None
    """Maximum seconds of that wait; None for no limit."""

    def __init__(
        self,
        loop: Loop,
        origin: str,
        rules: Callable[[], AgentsTable],
        connect: Callable[[AgentSession], SessionHost],
    ) -> None:
        self.loop = loop
        self.origin = origin
        self.calls: set[Call] = set()
        self.watchers: set[Watcher] = set()
        self.rules = rules
        self.sees_all = rules().see_all
        self.host = connect(self)

    @property
    def tasks(self) -> dict[int, Task]:
        """The tasks that the agent may see, by id."""
        return self.host.tasks

    @property
    def whose(self) -> str:
        """The text after "there is no such task"."""
        return "" if self.sees_all else " of yours"

    @property
    def asker(self) -> str:
        """The name of the agent in questions to a person."""
        return self.origin

    def asked(self, task: Task) -> None:
        """Record that a person is asked about a task."""

    def needs_asking(self, rules: AgentsTable, request: TaskRequest) -> str | None:
        """Return the pattern because of which a person has to allow a task, or None."""
        return matching(rules.ask, " ".join(request.args))

    def call(
        self, name: str, arguments: object, answer: Callable[[Answer], None]
    ) -> Call | None:
        """Call a tool from `TOOLS`; `answer` is called with its answer, maybe at once.

        Returns:
            The call, or None if it is invalid; then it was answered.
        """
        try:
            given = msgspec.convert(
                _without_nulls(arguments), TOOLS[name].arguments, strict=False
            )
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

    def task_changed(self, task: Task) -> None:
        """Handle a change of a task."""
        for it in (*self.calls, *self.watchers):
            it.task_changed(task)

    def tasks_forgotten(self) -> None:
        """Handle the removal of tasks, whose ends may not have been reported."""
        for it in (*self.calls, *self.watchers):
            it.tasks_forgotten()

    def host_failed(self, text: str) -> None:
        """Handle the end of the session, or a failure to reach it."""
        for it in (*self.calls, *self.watchers):
            it.host_failed(text)


def session_at(loop: Loop, place: Place, origin: str) -> AgentSession:
    """Return the session at a place, connected to its host; see `HostClient`.

    Raises:
        ConfigError: If the configuration is invalid.
    """

    def connect(session: AgentSession) -> HostClient:
        seen = None if session.sees_all else origin
        return HostClient(loop, place, seen, session)

    return AgentSession(loop, origin, lambda: agents_rules(load(place.config)), connect)


def _without_nulls(arguments: object) -> object:
    """Remove arguments that are null: some models send null for what they omit."""
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        return arguments
    found = cast("dict[str, object]", arguments)
    return {name: value for name, value in found.items() if value is not None}


__all__ = ["AgentSession", "ConfigError", "SessionHost", "origin_of", "session_at"]
