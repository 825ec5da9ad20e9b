"""A session as one agent uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

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
_FULL: Final = 1000  # calls under way


def origin_of(name: str) -> str:
    """Return the origin of the tasks of an agent of this name."""
    plain = brief(" ".join(safe_line(name).split()), _LONGEST_NAME - 1)
    return f"{_PREFIX}{plain or 'unnamed'}"


class SessionHost(Protocol):
    """How a session is reached by one that uses it for an agent."""

    @property
    def tasks(self) -> dict[int, Task]:
        """The tasks that are known here, by id; as they were told last."""
        ...

    @property
    def grace(self) -> float:
        """Seconds that a canceled task has to end by itself."""
        ...

    def when_ready(self, then: Callable[[str | None], None]) -> None:
        """Call `then` with None when it is reached, or with why it can't be."""
        ...

    def ask(
        self, request: QueueRequest, answered: Callable[[QueueReply | str], None]
    ) -> int:
        """Send a request; `answered` gets the answer, or why there is none."""
        ...

    def leave(self) -> None:
        """Leave the session, which goes on."""
        ...


class AgentSession:
    """The tasks that an agent may see, and its calls under way.

    Args:
        loop: Calls back.
        origin: That of the agent's tasks.
        rules: Returns what the configuration lets agents do, as it is now; raises
            `ConfigError` if it can't be used.
        connect: Returns what reaches the session, which tells `task_changed` and
            `host_failed`.

    Raises:
        ConfigError: If the configuration can't be used.
    """

    asked_in = "main"
    """The conversation in which a person is asked; a chat opens with this one."""
    waits_for_person = False
    """Whether a call waits until the person has allowed or refused a command."""
    patience: float | None = None
    """For how many seconds at most it waits for that; None for as long as it takes."""

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
        self.rules = rules
        self.sees_all = rules().see_all
        self.host = connect(self)

    @property
    def tasks(self) -> dict[int, Task]:
        """The tasks that the agent may see, by id."""
        return self.host.tasks

    @property
    def of_whom(self) -> str:
        """What is to be said after "there is no such task"."""
        return "" if self.sees_all else " of yours"

    @property
    def asker(self) -> str:
        """What the agent is called where a person is asked."""
        return self.origin

    def asked(self, task: Task) -> None:
        """Note that a person is asked about a task."""

    def needs_asking(self, rules: AgentsTable, request: TaskRequest) -> str | None:
        """Return the pattern for which a person has to allow a task; None for none."""
        return matching(rules.ask, " ".join(request.args))

    def call(
        self, name: str, arguments: object, answer: Callable[[Answer], None]
    ) -> Call | None:
        """Call one of `TOOLS`; `answer` is told the answer, maybe at once.

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

    def task_changed(self, task: Task) -> None:
        """Note that a task has changed."""
        for call in [*self.calls]:
            call.task_changed(task)

    def host_failed(self, text: str) -> None:
        """Note that the session has ended, or can't be reached."""
        for call in [*self.calls]:
            call.host_failed(text)


def session_at(
    loop: Loop,
    place: Place,
    origin: str,
    changed: Callable[[Task], None],
    failed: Callable[[str], None],
) -> AgentSession:
    """Return the session at a place, reached by its host; see `HostClient`.

    Raises:
        ConfigError: If the configuration can't be used.
    """

    def connect(session: AgentSession) -> HostClient:
        def task_changed(task: Task) -> None:
            session.task_changed(task)
            changed(task)

        def host_failed(text: str) -> None:
            session.host_failed(text)
            failed(text)

        seen = None if session.sees_all else origin
        return HostClient(loop, place, seen, task_changed, host_failed)

    return AgentSession(loop, origin, lambda: agents_rules(load(place.config)), connect)


__all__ = ["AgentSession", "ConfigError", "SessionHost", "origin_of", "session_at"]
