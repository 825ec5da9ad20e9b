"""What a session says and does: commands and news in, entries and requests out.

A plain class without threads or a terminal: the LineActor shows what comes out, in
whatever view it has, and tells the queue what is to be done.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

import msgspec
from msgspec.structs import replace

from ...actors import (
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ChatMessage,
    ForgetFinished,
    Forgotten,
    GetTask,
    JournalTrouble,
    ListTasks,
    Notification,
    QueueReply,
    QueueRequest,
    Refused,
    Subscribed,
    Task,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskFound,
    TaskList,
    TaskRequest,
    TasksForgotten,
    TaskStatus,
    WriteDown,
)
from ...actors.processes import activity
from ...actors.rules.safe_text import safe_line
from ...actors.rules.task import OPEN_STATUSES
from . import commands
from .entries import Entry, Problem, Reply, Said, TaskNews
from .reports import activity_facts, detail_lines, list_lines, output_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...actors import Kind
    from ...actors.processes.activity import VitalSigns
    from ..text.theme import Icons

BY_YOU = "canceled by you"
YOU = "you"
MAIN_CONVERSATION = "main"


class Show(msgspec.Struct, frozen=True):
    """Show this entry.

    Attributes:
        entry: What.
        where: The conversation it belongs to, as `take_line` was given it; none for
            what no line asked for, such as news.
    """

    entry: Entry
    where: str | None = None


class Send(msgspec.Struct, frozen=True):
    """Send this request to the queue; its answer goes to `take_reply`.

    Attributes:
        request: What.
        where: The conversation that asks.
    """

    request: QueueRequest
    where: str | None = None


class Tell(msgspec.Struct, frozen=True):
    """Tell the queue something that has no answer."""

    message: WriteDown


class Leave(msgspec.Struct, frozen=True):
    """End the session."""


class Speak(msgspec.Struct, frozen=True):
    """Pass a chat message on to whoever answers in this conversation."""

    text: str
    where: str | None


class Inspect(msgspec.Struct, frozen=True):
    """Open a task, to be looked at for as long as somebody wants to.

    Attributes:
        found: The task.
        activity: What tells now whether it works or waits: facts and their names.
    """

    found: TaskFound
    activity: tuple[tuple[str, str], ...] = ()


class OpenChat(msgspec.Struct, frozen=True):
    """Go to the conversation of this name; it may be a new one."""

    name: str


class ListChats(msgspec.Struct, frozen=True):
    """List the conversations, in this one."""

    where: str | None


Effect = Show | Send | Tell | Leave | Speak | Inspect | OpenChat | ListChats


_NAMED: Final = 5  # tasks that failed while somebody waited for all
_ENDS: Final = {
    TaskStatus.COMPLETE: "has finished",
    TaskStatus.FAILED: "has failed",
    TaskStatus.CANCELED: "was canceled",
}


class _Wait(msgspec.Struct):
    """A wait under way, for one task or for all: which it waits for still."""

    task_ids: set[int]
    where: str | None
    everything: bool = False
    ended: list[Task] = []

    def outcome(self) -> str:
        """Return what it says in the end."""
        if not self.everything:
            (task,) = self.ended
            return f"#{task.id} {_ENDS[task.status]}"
        parts = ["all tasks have finished"]
        for status in (TaskStatus.FAILED, TaskStatus.CANCELED):
            names = [f"#{task.id}" for task in self.ended if task.status is status]
            rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            if names:
                parts.append(f"{status}: {', '.join(names[:_NAMED])}{rest}")
        return "; ".join(parts)


class Dialogue:
    """The state of one session's conversation with its task queue.

    Args:
        kinds: The kinds of tasks, for help.
        icons: The signs for statuses.
        grace: Seconds that a task is given to end, for people to read.
        drawn: Whether there is a screen with conversations, on which tasks can be
            opened. Without it no `Speak`, `Inspect`, `OpenChat` or `ListChats` comes.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        icons: Icons,
        grace: float,
        *,
        drawn: bool = False,
    ) -> None:
        self._kinds = tuple((kind.name, kind.usage, kind.summary) for kind in kinds)
        self._icons = icons
        self._grace = grace
        self._drawn = drawn
        self._open: dict[int, Task] = {}
        self._newest: int | None = None
        self._requests = 0
        self._pending: dict[
            int, tuple[str | None, Callable[[QueueReply], list[Effect]]]
        ] = {}
        self._adding: dict[int, TaskRequest] = {}  # those of the pending that add one
        self._waits: list[_Wait] = []
        self._where: str | None = None
        self._trouble = False
        self._signs: dict[int, VitalSigns] = {}  # as of the last look at each task
        self.misunderstood = False
        """Whether a line made no sense."""
        self.unsuccessful = False
        """Whether a task failed or was canceled in this session."""

    @property
    def busy(self) -> bool:
        """Whether the last command is still being carried out.

        One that only waits until the journal can be written, as a `/wait` does then
        too, keeps nobody from canceling or clearing what fills the disk.
        """
        return bool(self._pending or self._waits) and not self._trouble

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """The tasks that have not ended, as last heard, by id."""
        return tuple(self._open[task_id] for task_id in sorted(self._open))

    def take_line(self, line: str, where: str | None = None) -> list[Effect]:
        """Carry out what somebody typed.

        Args:
            line: What; a chat message may have several lines.
            where: The conversation in which it was typed; what comes of it goes there.
        """
        self._where = where
        if not line.strip():
            return []
        try:
            command = commands.parse(line)
        except commands.UsageError as error:
            self.misunderstood = True
            return [*self._said(line, command=True), self._problem(str(error))]
        if isinstance(command, commands.Say):
            said = self._said(command.text, command=False)
            return [*said, Speak(command.text, where)] if self._drawn else said
        return [*self._said(line, command=True), *self._carry_out(command)]

    def take_command(
        self, command: commands.Command, where: str | None = None
    ) -> list[Effect]:
        """Carry out a command that was not typed, but chosen with a key."""
        self._where = where
        return self._carry_out(command)

    def take_bad_line(self, problem: str) -> list[Effect]:
        """Report a line that could not even be read."""
        self.misunderstood = True
        return [self._problem(problem)]

    def take_notice(self, text: str) -> list[Effect]:
        """Show what a person should know, such as what was found at the start."""
        return [self._problem(text)]

    def take_failure(self, error: BaseException) -> list[Effect]:
        """Report that this program itself failed."""
        self._where = None
        return [self._problem(f"internal error: {error!r}; see the log")]

    def take_end(self) -> list[Effect]:
        """Tell what was asked for and not answered; no answer can come any more."""
        self._where = None
        lost, self._adding = [*self._adding.values()], {}
        self.unsuccessful |= bool(lost)
        return [
            self._problem(
                f"{request.description}: could not be written down before the session"
                " ended, and does not run; add it again"
            )
            for request in lost
        ]

    def take_notification(self, notification: Notification) -> list[Effect]:
        """Note and show what the queue tells everybody."""
        match notification:
            case TaskChanged(event=event, task=task):
                self._note(task)
                news = Show(TaskNews(_now(), notification))
                if event is TaskEvent.PROGRESS or not task.status.is_final:
                    return [news]
                self.unsuccessful |= task.status is not TaskStatus.COMPLETE
                return [news, *self._end_of_wait(task)]
            case Subscribed(tasks=tasks, unshown=unshown):
                self._open = {t.id: t for t in tasks if t.status in OPEN_STATUSES}
                self._newest = tasks[-1].id if tasks else None
                return [e for news in unshown for e in self.take_notification(news)]
            case TasksForgotten():
                return []
            case JournalTrouble(text=None):
                self._trouble = False
                return [self._reply(["the journal can be written again"])]
            case JournalTrouble(text=text):
                self._trouble = True
                return [self._problem(f"can't write the journal, waiting: {text}")]
            case _:
                assert_never(notification)

    def take_reply(self, reply: QueueReply) -> list[Effect]:
        """Show the answer to a request."""
        if not isinstance(reply.correlation_id, int):
            return []
        if reply.correlation_id not in self._pending:
            return []
        self._where, respond = self._pending.pop(reply.correlation_id)
        adding = self._adding.pop(reply.correlation_id, None)
        if isinstance(reply, Refused):
            self.misunderstood |= reply.invalid
            # A task that was not even taken did not complete.
            self.unsuccessful |= adding is not None
            return [self._problem(reply.text)]
        return respond(reply)

    def _note(self, task: Task) -> None:
        if task.status.is_final:
            self._open.pop(task.id, None)
            self._signs.pop(task.id, None)
        else:
            self._open[task.id] = task
        self._newest = max(self._newest or 0, task.id)

    def _carry_out(self, command: commands.Command) -> list[Effect]:
        match command:
            case commands.Say():
                return []
            case commands.Run(request=request):
                request = replace(request, origin=self._where or "")
                return self._add(request)
            case commands.ShowTasks(which=which):
                return self._send(
                    lambda i: ListTasks(which, None, i),
                    lambda reply: self._listed(reply, command),
                )
            case commands.Cancel(task_ids=task_ids, now=now):
                return [
                    effect
                    for task_id in task_ids
                    for effect in self._cancel(task_id, now=now)
                ]
            case commands.CancelEverything(now=now):
                return self._send(
                    lambda i: CancelAll(BY_YOU, now, None, i),
                    lambda reply: self._canceled(reply, now=now),
                )
            case commands.ShowTask(task_id=task_id):
                return self._look_up(task_id, self._detail)
            case commands.ShowOutput(task_id=task_id):
                return self._look_up(task_id, self._output)
            case commands.Wait(everything=True):
                return self._wait_for_all()
            case commands.Wait(task_id=task_id):
                return self._look_up(task_id, self._wait_for)
            case commands.Clear():
                return self._send(lambda i: ForgetFinished(None, i), self._cleared)
            case commands.Help(command=name):
                return [self._reply(commands.help_lines(name, self._kinds))]
            case commands.Quit():
                return self._quit()
            case commands.OpenChat(name=name):
                return [OpenChat(name)] if self._drawn else self._no_conversations()
            case commands.ListChats():
                if self._drawn:
                    return [ListChats(self._where)]
                return self._no_conversations()
            case _:
                assert_never(command)

    def _send(
        self,
        make: Callable[[int], QueueRequest],
        respond: Callable[[QueueReply], list[Effect]],
    ) -> list[Effect]:
        self._requests += 1
        self._pending[self._requests] = (self._where, respond)
        return [Send(make(self._requests), self._where)]

    def _resolve(self, task_id: int | None) -> int | None:
        return self._newest if task_id is None else task_id

    def _no_task_yet(self) -> list[Effect]:
        return [self._problem("there is no task yet; /help /task tells how to add one")]

    def _look_up(
        self, task_id: int | None, respond: Callable[[TaskFound], list[Effect]]
    ) -> list[Effect]:
        wanted = self._resolve(task_id)
        if wanted is None:
            return self._no_task_yet()
        return self._send(
            lambda i: GetTask(wanted, None, i),
            lambda reply: respond(reply) if isinstance(reply, TaskFound) else [],
        )

    def _cancel(self, task_id: int | None, *, now: bool) -> list[Effect]:
        wanted = self._resolve(task_id)
        if wanted is None:
            return self._no_task_yet()
        return self._send(
            lambda i: CancelTask(wanted, BY_YOU, now, None, i),
            lambda reply: self._canceled(reply, now=now),
        )

    def _add(self, request: TaskRequest) -> list[Effect]:
        effects = self._send(lambda i: AddTask(request, None, i), self._added)
        self._adding[self._requests] = request
        return effects

    def _added(self, reply: QueueReply) -> list[Effect]:
        # The notification shows it already.
        if isinstance(reply, TaskAdded):
            self._newest = max(self._newest or 0, reply.task.id)
        return []

    def _listed(self, reply: QueueReply, command: commands.ShowTasks) -> list[Effect]:
        if not isinstance(reply, TaskList):
            return []
        return [self._reply(list_lines(reply, command.which, self._icons))]

    def _canceled(self, reply: QueueReply, *, now: bool) -> list[Effect]:
        if not isinstance(reply, CancelAccepted):
            return []
        if not reply.tasks:
            return [self._reply(["nothing to cancel: no task is queued or running"])]
        stopping = [task for task in reply.tasks if not task.status.is_final]
        if not stopping:
            return []
        names = ", ".join(f"#{task.id}" for task in stopping)
        return [self._reply([f"stopping {names}; {self._fate(now=now)}"])]

    def _no_conversations(self) -> list[Effect]:
        return [self._reply(["only the drawn chat has more than one conversation"])]

    def _detail(self, found: TaskFound) -> list[Effect]:
        activity = self._activity(found)
        if self._drawn:
            return [Inspect(found, tuple(activity))]
        return [self._reply(detail_lines(found, self._icons, activity))]

    def _activity(self, found: TaskFound) -> list[tuple[str, str]]:
        task = found.task
        if task.status is not TaskStatus.RUNNING or task.started_at is None:
            return []
        silence = 0.0
        if task.output_path is not None:
            output, started_at = Path(task.output_path), task.started_at.timestamp()
            silence = activity.silence(output, started_at, _now().timestamp())
        signs = None if found.pid is None else activity.look(found.pid)
        earlier = self._signs.pop(task.id, None)
        if signs is not None:
            self._signs[task.id] = signs
        return activity_facts(silence, signs, earlier)

    def _output(self, found: TaskFound) -> list[Effect]:
        if self._drawn:
            return [Inspect(found)]
        try:
            return [self._reply(output_lines(found.task))]
        except OSError as error:
            path = found.task.output_path
            text = (
                f"can't read the output of #{found.task.id}, {path}: {error.strerror}"
            )
            return [self._problem(text)]

    def _cleared(self, reply: QueueReply) -> list[Effect]:
        if not isinstance(reply, Forgotten):
            return []
        count = len(reply.ids)
        return [self._reply([f"forgot {count} finished task{'s' * (count != 1)}"])]

    def _wait_for_all(self) -> list[Effect]:
        return self._begin_wait(_Wait(set(self._open), self._where, everything=True))

    def _wait_for(self, found: TaskFound) -> list[Effect]:
        task = found.task
        wait = _Wait({task.id}, self._where)
        if task.status.is_final:
            wait.task_ids.clear()
            wait.ended.append(task)
        return self._begin_wait(wait)

    def _begin_wait(self, wait: _Wait) -> list[Effect]:
        task_ids = wait.task_ids
        if not task_ids:
            return [self._reply([wait.outcome()])]
        self._waits.append(wait)
        if not self._drawn:
            return []  # nothing else is read before the end of it
        first, *others = (f"#{task_id}" for task_id in sorted(task_ids))
        names = f"{first} and {len(others)} more have" if others else f"{first} has"
        return [self._reply([f"will say when {names} finished"])]

    def _end_of_wait(self, task: Task) -> list[Effect]:
        effects: list[Effect] = []
        for wait in tuple(self._waits):
            if task.id not in wait.task_ids:
                continue
            wait.task_ids.remove(task.id)
            wait.ended.append(task)
            if not wait.task_ids:
                self._waits.remove(wait)
                self._where = wait.where
                effects.append(self._reply([wait.outcome()]))
        return effects

    def _quit(self) -> list[Effect]:
        # What waits is not ended: a session that is remembered keeps it.
        texts = [
            f"{what} {', '.join(names)}{fate}"
            for what, status, fate in (
                ("ending", TaskStatus.RUNNING, f"; {self._fate(now=False)}"),
                ("not started:", TaskStatus.QUEUED, ""),
            )
            if (names := self._named(status))
        ]
        return [*([self._reply(texts)] if texts else []), Leave()]

    def _named(self, status: TaskStatus) -> list[str]:
        return [
            f"#{task.id} {safe_line(task.description).strip()}"
            for task in self.open_tasks
            if task.status is status
        ]

    def _fate(self, *, now: bool) -> str:
        return "killed at once" if now else f"killed in {self._grace:g} s at most"

    def _said(self, text: str, *, command: bool) -> list[Effect]:
        where = MAIN_CONVERSATION if self._where is None else self._where
        said = ChatMessage(_now(), where, YOU, text.strip(), command)
        return [
            Tell(WriteDown(said)),
            Show(Said(said.at, said.who, said.text, command), self._where),
        ]

    def _reply(self, lines: Iterable[str]) -> Effect:
        return Show(Reply(_now(), tuple(lines)), self._where)

    def _problem(self, text: str) -> Effect:
        return Show(Problem(_now(), safe_line(text)), self._where)


def _now() -> datetime:
    return datetime.now(UTC)
