"""The partner's tasks in one conversation, and its permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..agents.session import AgentSession
from .messages import origin_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...actors import Task, TaskRequest
    from ..agents.call import Answer, Call
    from ..agents.loop import Loop
    from ..agents.session import SessionHost
    from ..dialogue.trust import Trust
    from ..program.config import AgentsTable

ALL = "*"
"""The pattern that asks about every command not permanently allowed."""


class PartnerSession(AgentSession):
    """The session as used by the partner in one conversation; see `AgentSession`.

    The person is asked about every command that is not permanently allowed; calls wait
    for the answer without a limit.
    """

    waits_for_person = True

    def __init__(  # noqa: PLR0913, PLR0917 - each is one independent thing
        self,
        name: str,
        conversation: str,
        loop: Loop,
        rules: Callable[[], AgentsTable],
        connect: Callable[[AgentSession], SessionHost],
        trust: Trust,
    ) -> None:
        super().__init__(loop, origin_in(conversation), rules, connect)
        self.asked_in = conversation
        self.on_asked: Callable[[int], None] = lambda _: None
        """Called with each task about which the person is asked."""
        self.on_answer: Callable[[Answer], None] = lambda _: None
        """Called with the answer of each call before the caller gets it."""
        self._name = name
        self._trust = trust

    @property
    def tasks(self) -> dict[int, Task]:
        """The tasks that the partner may see, by id."""
        tasks = self.host.tasks
        if self.sees_all:
            return tasks
        return {it.id: it for it in tasks.values() if it.origin == self.origin}

    @property
    def own_tasks(self) -> Iterable[Task]:
        """The tasks that it has added in this conversation."""
        return [it for it in self.host.tasks.values() if it.origin == self.origin]

    @property
    def asker(self) -> str:
        """The name of the partner in questions to a person."""
        return self._name

    def call(
        self, name: str, arguments: object, answer: Callable[[Answer], None]
    ) -> Call | None:
        """See `AgentSession`."""

        def answered(found: Answer) -> None:
            self.on_answer(found)
            answer(found)

        return super().call(name, arguments, answered)

    def asked(self, task: Task) -> None:
        """Record that the person is asked about a task."""
        self.on_asked(task.id)

    def needs_asking(self, rules: AgentsTable, request: TaskRequest) -> str | None:
        """Return why a person has to allow a task; None if it may run."""
        pattern = super().needs_asking(rules, request)
        if pattern is not None:
            return pattern
        command = " ".join(request.args)
        plain = request.environment is None and request.kind == "bash"
        return None if plain and self._trust.covers(command) else ALL
