"""The dialogue of a session: commands and notifications in, entries and requests out.

A plain class without threads or a terminal: the actor of each face shows the entries in
its view, and sends the requests to the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ...actors import (
    ChatMessage,
    GroupPaused,
    JournalTrouble,
    MessageSaid,
    Notification,
    QueueReply,
    Schedule,
    SchedulesChanged,
    SlotsChanged,
    Subscribed,
    SystemStopped,
    Task,
    TaskChanged,
    TaskEvent,
    TasksForgotten,
    TaskStatus,
    WriteDown,
)
from ...actors.rules.safe_text import safe_line
from ...actors.rules.status import OPEN_STATUSES
from ...actors.session.awaiting import LEFT
from .arguments import UsageError
from .commands import Allow, Run, Say, UnknownKindError
from .commands.correction import with_kind
from .context import Context
from .effects import Effect, OfferLine, Show, Speak, Tell
from .entries import MAIN_CONVERSATION, PROBLEM, Problem, Said, TaskNews
from .last_runs import LastRuns
from .parse import is_private, parse, without_input
from .reports import group_paused_text, resumed_lines, slots_text
from .templates import Templates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors.kinds.kind import KindWords
    from ..text.theme import Icons
    from .lookups import LookedUp
    from .registry import Command

YOU = "you"


class Dialogue:
    """The state of one session's conversation with its task queue.

    Args:
        kinds: The kinds of tasks, for help.
        icons: The icons of statuses.
        grace: Seconds between SIGTERM and SIGKILL, for messages.
        drawn: Whether there is a screen with conversations, on which tasks can be
            opened. Without it only the effects `Show`, `Send`, `Tell` and `Leave` are
            returned.
        remembers: Whether the session and its queued tasks can be opened again.
        detaches: Whether the session keeps running after a person leaves.
        confirm: Patterns of commands that need confirmation.
        templates: The configured templates, without those of the project.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        kinds: Iterable[KindWords],
        icons: Icons,
        grace: float,
        *,
        drawn: bool = False,
        remembers: bool = True,
        detaches: bool = False,
        confirm: tuple[str, ...] = (),
        templates: Templates | None = None,
    ) -> None:
        self.context = Context(
            tuple(kinds),
            icons,
            grace,
            drawn=drawn,
            remembers=remembers,
            detaches=detaches,
        )
        """The state that commands share, such as the open tasks and the templates."""
        self.context.confirm = confirm
        self.context.templates = templates or Templates()
        self.context.misunderstood = self._note_misunderstood
        self._trouble = False
        self.misunderstood = False
        """Whether a line was invalid."""
        self.unsuccessful = False
        """Whether a task failed or was canceled in this session."""

    @property
    def busy(self) -> bool:
        """Whether the last command is still running.

        False while the journal can't be written: commands wait for it then, `/wait`
        too, and must not keep a person from canceling or clearing the tasks that fill
        the disk.
        """
        context = self.context
        return bool(context.awaits_answers or context.waits) and not self._trouble

    def takes(self, line: str) -> bool:
        """Return whether a line can run now.

        While earlier commands are still running, only a line that adds a task after
        commands that add tasks: their answers arrive in order.
        """
        context = self.context
        if not self.busy:
            return True
        if context.waits or context.confirm or not context.only_adds:
            return False
        try:
            return line.startswith("!") and isinstance(parse(line), Run)
        except UsageError:
            return False  # the error is shown when the line runs

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All schedules, by id."""
        known = self.context.schedules
        return tuple(known[it] for it in sorted(known))

    def take_line(self, line: str, where: str | None = None) -> list[Effect]:
        """Run a typed line.

        Args:
            line: A command or a chat message; a message may have several lines.
            where: The conversation in which it was typed, and in which its results
                appear.
        """
        self.context.where, self.context.line = where, line
        if not line.strip():
            return []
        try:
            command = parse(line)
        except UsageError as error:
            said = self._said(line, command=True, private=True)
            return [*said, *self._misunderstand(error)]
        if isinstance(command, Say):
            said = self._said(command.text, command=False)
            return [*said, *command.run(self.context)]
        private = is_private(line)
        self.context.others_see = not private
        try:
            effects = command.run(self.context)
        except UnknownKindError as error:
            private, effects = True, self._misunderstand(with_kind(line, error))
        except UsageError as error:
            private, effects = True, self._misunderstand(error)
        finally:
            self.context.others_see = False
        return [*self._said(line, command=True, private=private), *effects]

    def _note_misunderstood(self) -> None:
        self.misunderstood = True

    def _misunderstand(self, error: UsageError) -> list[Effect]:
        self.misunderstood = True
        ready: list[Effect] = []
        if self.context.drawn and error.corrected:
            ready.append(OfferLine(error.corrected))
        return [self.context.problem(str(error)), *ready]

    def take_command(self, command: Command, where: str | None = None) -> list[Effect]:
        """Run a command that was chosen with a key instead of typed."""
        self.context.where = where
        return command.run(self.context)

    def take_bad_line(self, problem: str) -> list[Effect]:
        """Report a line that could not be decoded."""
        self.misunderstood = True
        return [self.context.problem(problem)]

    def take_notice(self, text: str, *, good: bool = False) -> list[Effect]:
        """Show a notice, such as one about the start."""
        context = self.context
        return [context.reply([safe_line(text)]) if good else context.problem(text)]

    def take_resumed(self, tasks: tuple[Task, ...]) -> list[Effect]:
        """Show which tasks were queued when the session was opened, and start now."""
        return [self.context.reply(resumed_lines(tasks))] if tasks else []

    def take_failure(self, error: BaseException) -> list[Effect]:
        """Report an internal error."""
        self.context.where = None
        return [self.context.problem(f"internal error: {error!r}; see the log")]

    def take_end(self) -> list[Effect]:
        """Report unanswered requests, since no answer can arrive any more."""
        self.context.where = None
        lost = self.context.take_unanswered()
        self.unsuccessful |= bool(lost)
        return [
            self.context.problem(
                f"{request.description}: could not be stored before the session"
                " ended, and does not run; add it again"
            )
            for request in lost
        ]

    def take_notification(self, notification: Notification) -> list[Effect]:
        """Record a notification, and show it."""
        context = self.context
        match notification:
            case TaskChanged(event=event, task=task):
                self._note(task)
                news = Show(TaskNews(context.now(), notification))
                if event is TaskEvent.PROGRESS or not task.status.is_final:
                    return [news]
                self.unsuccessful |= task.status is not TaskStatus.COMPLETE
                return [news, *self._end_waits(task)]
            case Subscribed(tasks=tasks, unshown=unshown, schedules=schedules):
                context.schedules = {it.id: it for it in schedules}
                context.last_runs = LastRuns(tasks)
                context.open.clear()
                context.open |= {t.id: t for t in tasks if t.status in OPEN_STATUSES}
                context.newest = tasks[-1].id if tasks else None
                return [e for news in unshown for e in self.take_notification(news)]
            case SchedulesChanged(schedules=schedules, removed=removed):
                context.schedules |= {it.id: it for it in schedules}
                for schedule_id in removed:
                    context.schedules.pop(schedule_id, None)
                return []
            case TasksForgotten(ids=ids):
                return self._end_waits_for_forgotten(ids)
            case SystemStopped():
                return []
            case SlotsChanged(slots=slots):
                return [context.reply([slots_text(slots)])]
            case GroupPaused(group=group, task=task):
                return [context.reply([group_paused_text(group, task)])]
            case MessageSaid(message=it) if it.form == PROBLEM:
                return [Show(Problem(it.at, it.text, told=True), it.conversation)]
            case MessageSaid(message=it):
                said = Said(
                    it.at, it.who, it.text, it.command, elsewhere=True, form=it.form
                )
                return [Show(said, it.conversation), *self._heard(it)]
            case JournalTrouble(text=None):
                self._trouble = False
                return [context.reply(["the journal can be written again"])]
            case JournalTrouble(text=text):
                self._trouble = True
                return [context.problem(f"can't write the journal, waiting: {text}")]
            case _:
                assert_never(notification)

    def take_reply(self, reply: QueueReply) -> list[Effect]:
        """Show the answer to a request."""
        return self.context.take_reply(reply, self._refused)

    def take_lookup(self, message: LookedUp) -> list[Effect]:
        """Show the result of a lookup."""
        return self.context.take_lookup(message)

    def _refused(self, invalid: bool, adding: bool) -> None:  # noqa: FBT001 - a callback
        self.misunderstood |= invalid
        # A refused task did not complete.
        self.unsuccessful |= adding

    def _note(self, task: Task) -> None:
        context = self.context
        if task.status.is_final:
            context.open.pop(task.id, None)
            context.signs.pop(task.id, None)
            context.last_runs.add(task)
        else:
            context.open[task.id] = task
        context.newest = max(context.newest or 0, task.id)

    def _heard(self, said: ChatMessage) -> list[Effect]:
        """Pass a message that was typed in another chat on to the partner."""
        if not self.context.drawn or said.who != YOU:
            return []
        if not said.command:
            return [Speak(said.text, said.conversation, elsewhere=True)]
        try:
            command = parse(said.text)
        except UsageError:
            return []
        return command.trusts(self.context) if isinstance(command, Allow) else []

    def _end_waits(self, task: Task) -> list[Effect]:
        effects: list[Effect] = []
        for wait in self.context.waits.take_end(task):
            self.context.where = wait.where
            effects.append(self.context.reply([wait.outcome()], wait.answer()))
        return effects

    def _end_waits_for_forgotten(self, ids: Iterable[int]) -> list[Effect]:
        """End the waits for tasks whose end was not reported here."""
        context, effects = self.context, list[Effect]()
        for task_id in context.open.keys() & set(ids):
            del context.open[task_id]
            context.signs.pop(task_id, None)
            self.unsuccessful = True  # as far as is known
            text = f"#{task_id} {LEFT}"
            for wait in context.waits.drop(task_id):
                context.where = wait.where
                effects.append(context.problem(text))
        return effects

    def _said(self, text: str, *, command: bool, private: bool = False) -> list[Effect]:
        where = self.context.where
        conversation = MAIN_CONVERSATION if where is None else where
        at, text = self.context.now(), text.strip()
        shown = Show(Said(at, YOU, text, command), where)
        if private and not self.context.drawn:
            return [shown]  # only the drawn chat shows the answer beside the command
        kept = without_input(text) if command else text
        said = ChatMessage(at, conversation, YOU, kept, command)
        return [Tell(WriteDown(said, private=private)), shown]
