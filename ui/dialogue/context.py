"""The context in which commands run: known state, pending requests, and replies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from ...actors import (
    AddTask,
    ChatMessage,
    GetTask,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    Schedule,
    TaskAdded,
    TaskFound,
    TaskRequest,
    WriteDown,
)
from ...actors.rules.safe_text import safe_line
from ...actors.rules.terms import PLAIN
from .effects import Effect, OfferLine, Send, Show, Tell
from .entries import MAIN_CONVERSATION, PROBLEM, Problem, Reply
from .hints import with_hint
from .last_runs import LastRuns
from .lookups import LookedUp, LookUp, LookUpFailed, Wanted
from .open_tasks import OpenTasks
from .output_search import LinesFound
from .templates import FoundTemplates, Templates
from .term_options import waits_for_last, with_last
from .waits import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...actors.kinds.kind import KindWords
    from ...actors.processes.activity import VitalSigns
    from ..text.theme import Icons
    from .answers import Answer

BY_YOU = "canceled by you"

MOST_ADDING: Final = 100
"""Maximum number of tasks whose addition has not been answered yet."""

_Pending: TypeAlias = (
    "tuple[str | None, QueueRequest, Callable[[object], list[Effect]]]"
)

ReplyT = TypeVar("ReplyT")
ResultT = TypeVar("ResultT")


class _Deferred(NamedTuple):
    """An action that waits for the id of a task that is being added.

    Attributes:
        where: The conversation of the action.
        act: Called with the id.
        adds: The number of the request, if the action adds a task itself.
    """

    where: str | None
    act: Callable[[int], list[Effect]]
    adds: int | None = None


class Context:
    """State that commands share, and the pending requests; see `Dialogue`."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        kinds: tuple[KindWords, ...],
        icons: Icons,
        grace: float,
        *,
        drawn: bool,
        remembers: bool,
        detaches: bool = False,
    ) -> None:
        self.detaches = detaches
        self.kinds = kinds
        self.icons = icons
        self.drawn = drawn
        self.remembers = remembers
        self.where: str | None = None
        """The conversation of the command or answer that is being handled."""
        self.line = ""
        """The last typed line."""
        self.open = OpenTasks(frozenset(it.name for it in kinds))
        self.schedules: dict[int, Schedule] = {}
        """All schedules, by id."""
        self.newest: int | None = None
        """The id of the task added last."""
        self.signs: dict[int, VitalSigns] = {}
        """The last measurement of each task's processes."""
        self.confirm: tuple[str, ...] = ()
        """Patterns of commands that need confirmation."""
        self.templates = Templates()
        """The configured templates, without those of the project."""
        self.found_templates = FoundTemplates()
        """The templates that were found last."""
        self.waits_for_trust = ""
        """The line to offer again once the project's file is trusted."""
        self.misunderstood: Callable[[], None] = lambda: None
        """Called when an invalid line was refused."""
        self.last_runs = LastRuns()
        """Durations of the last runs of commands."""
        self.waits = Waits()
        self.others_see = False
        """Whether the other chats show the command that is being handled, too."""
        self._grace = grace
        self._requests = 0
        self._pending: dict[int, _Pending] = {}
        self._looking: dict[
            int, tuple[str | None, Callable[[object], list[Effect]]]
        ] = {}
        self._adding: dict[int, TaskRequest] = {}  # the pending that add a task
        self._others_see: set[int] = set()  # requests whose command other chats show
        # By the number of the request that adds the task.
        self._deferred: dict[int, list[_Deferred]] = {}

    @property
    def awaits_answers(self) -> bool:
        """Whether a request is still unanswered."""
        return bool(self._pending or self._looking)

    @property
    def defers(self) -> bool:
        """Whether a command waits for the id of a task that is being added."""
        return bool(self._deferred)

    @property
    def only_adds(self) -> bool:
        """Whether all unanswered requests add tasks, fewer than `MOST_ADDING`."""
        pending, adding = len(self._pending), len(self._adding)
        return pending == adding < MOST_ADDING and not self._looking

    def send(
        self,
        request: QueueRequest,
        expected: type[ReplyT],
        respond: Callable[[ReplyT], list[Effect]],
    ) -> list[Effect]:
        """Send a request, with a number that its answer carries too.

        `respond` is called with an answer of the `expected` type; a refusal is shown.
        """
        number = self._next_request()
        request = msgspec.structs.replace(request, correlation_id=number)
        self._pending[number] = (self.where, request, _only(expected, respond))
        return [Send(request, self.where)]

    def _next_request(self) -> int:
        self._requests += 1
        if self.others_see:
            self._others_see.add(self._requests)
        return self._requests

    def take_reply(
        self, reply: QueueReply, refused: Callable[[bool, bool], None]
    ) -> list[Effect]:
        """Take the answer to a request.

        Args:
            reply: The answer; one without a pending request is ignored.
            refused: Called on a refusal, with whether the request was invalid, and
                whether it was to add a task.
        """
        number = reply.correlation_id
        if not isinstance(number, int) or number not in self._pending:
            return []
        self.where, request, respond = self._pending.pop(number)
        adding = self._adding.pop(number, None)
        self._recall(number)
        if isinstance(reply, Refused):
            refused(reply.code is RefusalCode.INVALID, adding is not None)
            effects = self._refusal(with_hint(reply, request, self.kinds))
        else:
            effects = respond(reply)
        for it in self._deferred.pop(number, ()):
            self.where = it.where
            if isinstance(reply, TaskAdded):
                effects += it.act(reply.task.id)
            else:
                effects += self._without_last(it.adds, refused)
        self.others_see = False
        return effects

    def _recall(self, number: int) -> None:
        self.others_see = number in self._others_see
        self._others_see.discard(number)

    def _without_last(
        self, adds: int | None, refused: Callable[[bool, bool], None]
    ) -> list[Effect]:
        """Refuse an action on a task that was not added, and the actions after it.

        Args:
            adds: The number of the request, if the action was to add a task itself.
            refused: See `take_reply`.
        """
        if adds is not None:
            self._recall(adds)
        # An earlier task must not take the place of the missing one.
        effects = self._refusal("no task was added; give a number")
        if adds is not None:
            del self._adding[adds]
            refused(False, True)  # noqa: FBT003 - a callback
            for it in self._deferred.pop(adds, ()):
                self.where = it.where
                effects += self._without_last(it.adds, refused)
        return effects

    def run_lookup(
        self,
        wanted: Wanted,
        expected: type[ResultT],
        respond: Callable[[ResultT], list[Effect]],
    ) -> list[Effect]:
        """Run a lookup that may block, on another thread.

        `respond` is called with a result of the `expected` type; a failure is shown.
        """
        number = self._next_request()
        self._looking[number] = (self.where, _only(expected, respond))
        return [LookUp(number, wanted)]

    def take_lookup(self, message: LookedUp) -> list[Effect]:
        """Take the result of a lookup."""
        if message.number not in self._looking:
            return []
        self.where, respond = self._looking[message.number]
        if not (isinstance(message.result, LinesFound) and not message.result.ended):
            del self._looking[message.number]
        self._recall(message.number)
        if isinstance(message.result, LookUpFailed):
            effects = self._refusal(message.result.text)
        else:
            effects = respond(message.result)
        self.others_see = False
        return effects

    def take_unanswered(self) -> list[TaskRequest]:
        """Return the requests for new tasks whose answer can no longer arrive."""
        lost, self._adding = [*self._adding.values()], {}
        return lost

    def add(self, request: TaskRequest, *, unless_queued: bool = False) -> list[Effect]:
        """Add a task; with `unless_queued` only if no identical task is queued.

        A task that waits for the task added last is sent once that task has its id.
        """
        if waits_for_last(request.terms):
            return self._add_after_last(request, unless_queued=unless_queued)
        message = AddTask(request, unless_queued=unless_queued)
        effects = self.send(message, TaskAdded, self._added)
        self._adding[self._requests] = request
        return effects

    def _add_after_last(
        self, request: TaskRequest, *, unless_queued: bool
    ) -> list[Effect]:
        terms = request.terms or PLAIN
        before = max(self._adding, default=None)
        # Reserve the number now: it marks this task as the last one for later commands.
        number, where = self._next_request(), self.where

        def add(last: int) -> list[Effect]:
            filled = msgspec.structs.replace(request, terms=with_last(terms, last))
            message = AddTask(filled, None, number, unless_queued)
            self._adding[number] = filled
            self._pending[number] = (where, message, _only(TaskAdded, self._added))
            return [Send(message, where)]

        if before is None:
            return self.with_task(None, add)
        self._adding[number] = request
        self._defer(before, _Deferred(where, add, number))
        return []

    def _defer(self, adding: int, action: _Deferred) -> None:
        self._deferred.setdefault(adding, []).append(action)

    def _added(self, reply: TaskAdded) -> list[Effect]:
        self.newest = max(self.newest or 0, reply.task.id)
        if not reply.existed:
            return []  # the notification has shown it
        name = safe_line(reply.task.description)
        return [self.reply([f"#{reply.task.id} is queued already: {name}"])]

    def with_task(
        self, task_id: int | None, do: Callable[[int], list[Effect]]
    ) -> list[Effect]:
        """Call a function with the id of a task, or refuse if there is no task yet.

        Args:
            task_id: The id of the task; None for the task added last.
            do: Called with the id. For the task added last, called once no addition is
                pending.
        """
        if task_id is None and self._adding:
            self._defer(max(self._adding), _Deferred(self.where, do))
            return []
        wanted = self.newest if task_id is None else task_id
        if wanted is None:
            text = "there is no task yet; /help /task explains how to add one"
            return self._refusal(text)
        return do(wanted)

    def with_tasks(
        self, ids: Iterable[int | None], do: Callable[[int], list[Effect]]
    ) -> list[Effect]:
        """Call a function with the id of each task; see `with_task`."""
        return [effect for it in ids for effect in self.with_task(it, do)]

    def look_up(
        self, task_id: int | None, respond: Callable[[TaskFound], list[Effect]]
    ) -> list[Effect]:
        """Request the current state of a task; None means the task added last."""
        return self.with_task(
            task_id, lambda wanted: self.send(GetTask(wanted), TaskFound, respond)
        )

    def fate(self, *, now: bool) -> str:
        """Describe how a canceled running task ends."""
        return "killed at once" if now else f"killed in {self._grace:g} s at most"

    def reply(
        self,
        lines: Iterable[str],
        answer: Answer | None = None,
        *,
        laid_out: bool = False,
    ) -> Effect:
        """Return an effect that shows an answer.

        Args:
            lines: Text for people; must be safe to show.
            answer: Data for programs, if it has more than the lines.
            laid_out: Whether the lines are a table or output.
        """
        return Show(Reply(self.now(), tuple(lines), answer, laid_out), self.where)

    def problem(self, text: str) -> Effect:
        """Return an effect that shows a problem."""
        return Show(Problem(self.now(), safe_line(text)), self.where)

    def _refusal(self, text: str) -> list[Effect]:
        """Show a problem here, and in each chat that shows the command."""
        if not self.others_see:
            return [self.problem(text)]
        problem = Problem(self.now(), safe_line(text), told=True)
        conversation = MAIN_CONVERSATION if self.where is None else self.where
        kept = ChatMessage(problem.at, conversation, "", problem.text, form=PROBLEM)
        return [Tell(WriteDown(kept)), Show(problem, self.where)]

    def refuse(self, text: str, line: str = "") -> list[Effect]:
        """Show a refusal, and offer a line that can be sent instead."""
        self.misunderstood()
        offered: list[Effect] = [OfferLine(line)] if line else []
        return [self.problem(text), *offered]

    @staticmethod
    def now() -> datetime:
        """Return the current time (UTC)."""
        return datetime.now(UTC)


def _only(
    expected: type[ReplyT], respond: Callable[[ReplyT], list[Effect]]
) -> Callable[[object], list[Effect]]:
    """Return a callback that ignores answers of another type."""
    return lambda it: respond(it) if isinstance(it, expected) else []
