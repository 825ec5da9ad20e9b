"""The commands: each a class that carries it out, and its entry in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import (
    CancelAccepted,
    CancelAll,
    CancelTask,
    ForgetFinished,
    Forgotten,
    GetRules,
    HoldTask,
    ListTasks,
    MoveTask,
    PauseQueue,
    QueueReply,
    RulesFound,
    SetGroup,
    SetSlots,
    Slots,
    Task,
    TaskAltered,
    TaskFilter,
    TaskFound,
    TaskList,
    TaskRequest,
    TaskStatus,
)
from ...actors.rules.safe_text import brief, safe_line
from ...actors.rules.terms import is_group_name
from . import completers
from .answers import (
    Activity,
    CancelAnswer,
    ClearAnswer,
    CommandHelp,
    HelpAnswer,
    KindHelp,
    OutputAnswer,
    ParallelAnswer,
    QuitAnswer,
    ShowAnswer,
    TasksAnswer,
)
from .arguments import (
    LAST,
    LONGEST_NAME,
    UsageError,
    is_conversation_name,
    no_arguments,
    only_task_id,
    split_word,
    task_id,
)
from .context import BY_YOU
from .effects import (
    AskToLeave,
    CloseChat,
    Effect,
    Inspect,
    Leave,
    ListChats,
    OpenChat,
    Speak,
)
from .lookups import LookAtTask, ReadOutput, Result, TaskLook
from .quoting import QUOTES, UnbalancedQuoteError, read_quoted, unquote_whole
from .registry import CommandSpec, Registry, Synonym
from .reports import (
    OutputText,
    activity_facts,
    detail_lines,
    list_lines,
    names_of,
    output_lines,
    rules_lines,
    slots_text,
)
from .term_options import help_lines, read_options
from .waits import Wait as PendingWait

if TYPE_CHECKING:
    from .context import Context
    from .registry import Command


def _also(*names: str) -> tuple[Synonym, ...]:
    return tuple(map(Synonym, names))


class Say(msgspec.Struct, frozen=True):
    """A chat message."""

    text: str

    def run(self, context: Context) -> list[Effect]:
        """Pass it on to whoever answers."""
        return [Speak(self.text, context.where)] if context.drawn else []


class Run(msgspec.Struct, frozen=True):
    """Put a task on the back burner."""

    request: TaskRequest

    def run(self, context: Context) -> list[Effect]:
        """Add it, for the conversation that asks.

        Raises:
            UnknownKindError: If there is no such kind of task.
        """
        kinds = [name for name, _, _ in context.kinds]
        if self.request.kind not in kinds:
            raise UnknownKindError(self.request.kind, kinds)
        origin = context.where or ""
        return context.add(msgspec.structs.replace(self.request, origin=origin))


_LONGEST_QUOTED: Final = 120  # characters
_TASK_USAGE: Final = '/task [OPTIONS] "Description" KIND ARGS...'
_TASK_EXAMPLE: Final = '/task "Run tests" bash make test'


class UnknownKindError(UsageError):
    """A task of a kind that there is not.

    Attributes:
        kind: What was given.
        kinds: The names of those that there are.
    """

    def __init__(self, kind: str, kinds: list[str]) -> None:
        known = ", ".join(kinds) or "none"
        super().__init__(f"unknown kind {brief(kind)}; the kinds are: {known}")
        self.kind = kind
        self.kinds = kinds


def with_kind(line: str, error: UnknownKindError) -> UsageError:
    """Return an error that says how a task of an unknown kind was probably meant.

    Args:
        line: What was typed.
        error: What was wrong with it.
    """
    name, rest = split_word(line.strip())
    if REGISTRY.find(name) is not _TASK or "bash" not in error.kinds:
        return error
    what = f"unknown kind {brief(error.kind)}"
    _, text = read_options(rest)
    options = rest.lstrip()[: len(rest.lstrip()) - len(text)]
    if text[0] in QUOTES:
        _, job = read_quoted(text)
        quoted = text[: len(text) - len(job)]
        corrected = f"{_TASK.name} {options}{quoted} bash {job.strip()}"
        return UsageError(
            f"{what}; to run it with bash: {_shortened(corrected)}", corrected
        )
    words = text.split()
    at = next((i for i, word in enumerate(words) if word in error.kinds), 0)
    if at:
        # A description of several words, without its quotes.
        job = text.split(maxsplit=at)[at]
        corrected = f'{_TASK.name} {options}"{" ".join(words[:at])}" {job.strip()}'
        return UsageError(
            f"{what}; put the description in quotes: {corrected}", corrected
        )
    if options:
        return error
    corrected = f"!{text.strip()}"
    return UsageError(
        f"{what}; to run it with bash: {_shortened(corrected)}", corrected
    )


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_QUOTED else f"{line[: _LONGEST_QUOTED - 1]}…"


def _parse_task(rest: str) -> Run:
    terms, text = read_options(rest)
    if not text:
        raise UsageError(f"missing description and command; try: {_TASK_EXAMPLE}")
    if text[0] in QUOTES:
        description, text = read_quoted(text)
        if text and not text[0].isspace():
            raise UsageError(
                f"put a space after the description's closing quote: {_TASK_USAGE}"
            )
    else:
        description, text = split_word(text)
    if not description.strip():
        raise UsageError(f"missing description; try: {_TASK_EXAMPLE}")
    kind, args = split_word(text)
    if not kind:
        raise UsageError(f"missing kind and command; the form is: {_TASK_USAGE}")
    args = unquote_whole(args)
    return Run(TaskRequest(description, kind, (args,) if args else (), terms=terms))


def _bash_part(rest: str) -> str | None:
    try:
        _, text = read_options(rest)
        if text[:1] and text[0] in QUOTES:
            _, text = read_quoted(text)
        else:
            _, text = split_word(text)
    except (UnbalancedQuoteError, UsageError):
        return None
    kind, args = split_word(text)
    return args if kind == "bash" and args else None


_TASK: Final = CommandSpec(
    "/task",
    '[OPTIONS] "Description" KIND ARGS...',
    "put a job on the back burner",
    _parse_task,
    completers.job,
    (
        "After the kind the rest of the line is taken as it is:",
        '  /task "Count" bash ls | wc -l && echo "a  b"',
        "Quotes around all of it are taken off:",
        '  /task "Run tests" bash "make test"',
        "Options say when it may start, and how long it may take:",
        *help_lines(),
    ),
    _also("/job"),
    _bash_part,
)


def _parse_bang(rest: str) -> Run:
    command = unquote_whole(rest)
    if not command.strip():
        raise UsageError("missing command; try: !make test")
    return Run(TaskRequest(command.strip(), "bash", (command,)))


_BANG: Final = CommandSpec(
    "!",
    "COMMAND",
    "run a command line with bash; short for /task",
    _parse_bang,
    details=("  !make test",),
    synonyms=_also("/run", "/add", "/exec", "/bg", "/bash", "/sh"),
    bash_part=lambda rest: rest or None,
)


class Again(msgspec.Struct, frozen=True):
    """Run a task again, where it ran."""

    task: Task

    def run(self, context: Context) -> list[Effect]:
        """Add the same again, with the environment of the one who asks now."""
        task = self.task
        if task.directory is None:
            return [
                context.problem(
                    f"#{task.id} was added by an older version, which did not write"
                    " down its directory; type it again where it is to run"
                )
            ]
        return Run(task.request).run(context)


class Rerun(msgspec.Struct, frozen=True):
    """Run tasks again; an id of none means the one added last."""

    task_ids: tuple[int | None, ...]

    def run(self, context: Context) -> list[Effect]:
        """Look them up, and add the same again for the conversation that asks."""

        def again(found: TaskFound) -> list[Effect]:
            return Again(found.task).run(context)

        return [e for it in self.task_ids for e in context.look_up(it, again)]


def _parse_rerun(rest: str) -> Rerun:
    words = rest.split()
    if not words:
        raise UsageError("run which task again? Give its id: /rerun 3, or /rerun last")
    return Rerun(tuple(task_id(word) for word in words))


_RERUN: Final = CommandSpec(
    "/rerun",
    "ID...",
    "run a task again, as a new task",
    _parse_rerun,
    completers.tasks(),
    ("It runs in the directory of the first one, with the environment of now.",),
    _also("/retry", "/restart", "/repeat", "/again", "/redo"),
)


class ShowTasks(msgspec.Struct, frozen=True):
    """List tasks."""

    which: TaskFilter

    def run(self, context: Context) -> list[Effect]:
        """Ask for them, and list them."""

        def listed(reply: QueueReply) -> list[Effect]:
            if not isinstance(reply, TaskList):
                return []
            lines = list_lines(reply, self.which, context.icons)
            return [context.reply(lines, TasksAnswer(reply.tasks, reply.counts))]

        return context.send(lambda i: ListTasks(self.which, None, i), listed)


FILTERS: Final = {
    "--all": (TaskFilter.ALL, "every task, canceled ones too"),
    "--queued": (TaskFilter.QUEUED, "those that wait for a slot"),
    "--running": (TaskFilter.RUNNING, "those that run"),
    "--completed": (TaskFilter.COMPLETE, "those that did what they should"),
    "--failed": (TaskFilter.FAILED, "those that did not"),
    "--canceled": (TaskFilter.CANCELED, "those that were canceled"),
    "--finished": (TaskFilter.FINISHED, "those that have ended, in whatever way"),
}
"""What `/tasks` takes, and what each means."""


def _parse_tasks(rest: str) -> ShowTasks:
    word = rest.strip()
    if not word:
        return ShowTasks(TaskFilter.NOT_CANCELED)
    if len(words := word.split()) > 1 and FILTERS.keys() >= set(words):
        raise UsageError(f"/tasks takes one filter, such as: /tasks {words[0]}")
    if word.removeprefix("#").isdigit():
        raise UsageError(f"/tasks takes a filter; for one task: /show {brief(word)}")
    if word not in FILTERS:
        raise UsageError(
            f"unknown filter {brief(word)}; use one of: {' '.join(FILTERS)}"
        )
    return ShowTasks(FILTERS[word][0])


_TASKS: Final = CommandSpec(
    "/tasks",
    "[FILTER]",
    "list tasks; without a filter all but the canceled ones",
    _parse_tasks,
    completers.options(tuple((name, text) for name, (_, text) in FILTERS.items())),
    (f"Filters: {' '.join(FILTERS)}",),
    _also("/list", "/ls", "/ps", "/jobs", "/status", "/queue", "/top"),
)


class Cancel(msgspec.Struct, frozen=True):
    """Cancel tasks; an id of none means the one added last."""

    task_ids: tuple[int | None, ...]
    now: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Ask for it, one by one."""

        def cancel(wanted: int) -> list[Effect]:
            return context.send(
                lambda i: CancelTask(wanted, BY_YOU, self.now, None, i),
                lambda reply: _canceled(context, reply, now=self.now),
            )

        return [e for it in self.task_ids for e in context.with_task(it, cancel)]


class CancelEverything(msgspec.Struct, frozen=True):
    """Cancel all tasks that have not finished."""

    now: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        return context.send(
            lambda i: CancelAll(BY_YOU, self.now, None, i),
            lambda reply: _canceled(context, reply, now=self.now),
        )


def _canceled(context: Context, reply: QueueReply, *, now: bool) -> list[Effect]:
    if not isinstance(reply, CancelAccepted):
        return []
    stopping = [task for task in reply.tasks if not task.status.is_final]
    lines: list[str] = []
    if not reply.tasks:
        lines = ["nothing to cancel: no task is queued or running"]
    elif stopping:
        names = ", ".join(f"#{task.id}" for task in stopping)
        lines = [f"stopping {names}; {context.fate(now=now)}"]
    return [context.reply(lines, CancelAnswer(reply.tasks))]


def _parse_cancel(rest: str) -> Command:
    words = rest.split()
    now = "--now" in words
    words = [word for word in words if word != "--now"]
    if words == ["--all"]:
        return CancelEverything(now)
    if not words:
        raise UsageError("cancel which task? Give its id: /cancel 3, or /cancel --all")
    try:
        return Cancel(tuple(task_id(word) for word in words), now)
    except UsageError as error:
        raise UsageError(f"{error}; several with spaces, or --all") from error


_CANCEL: Final = CommandSpec(
    "/cancel",
    "ID... | --all",
    "stop running tasks, drop queued ones",
    _parse_cancel,
    completers.open_tasks(
        (
            ("--all", "every task that has not ended"),
            ("--now", "kill at once, without a grace period"),
        )
    ),
    (
        f"An id is a number as lists show it, with or without #, or: {LAST}",
        "A running task is asked to end and killed after the grace period;",
        "with --now it is killed at once.",
    ),
    (
        *_also("/stop", "/abort", "/rm", "/remove", "/del", "/delete"),
        Synonym("/kill", "--now"),
    ),
)


class Move(msgspec.Struct, frozen=True):
    """Put a queued task elsewhere in the order.

    Attributes:
        task_id: Which; none for the one added last.
        first: Whether first, or last.
        before: Another one before which it is put, if any.
    """

    task_id: int | None
    first: bool = False
    before: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        return context.with_task(
            self.task_id,
            lambda wanted: context.send(
                lambda i: MoveTask(wanted, self.first, self.before, None, i),
                lambda reply: _altered(context, reply),
            ),
        )


def _altered(context: Context, reply: QueueReply) -> list[Effect]:
    if not isinstance(reply, TaskAltered):
        return []
    task = reply.task
    text = f"#{task.id} {safe_line(task.description)}: {safe_line(task.reason)}"
    return [context.reply([text])]


def _parse_move(rest: str) -> Move:
    match rest.split():
        case [word, "first"]:
            return Move(task_id(word), first=True)
        case [word, "last"]:
            return Move(task_id(word))
        case [word, "before", other] if (before := task_id(other)) is not None:
            return Move(task_id(word), before=before)
        case _:
            raise UsageError(
                "/move takes a task and a place, such as: /move 3 before 5"
            )


_MOVE: Final = CommandSpec(
    "/move",
    "ID first|last|before ID",
    "change when a queued task starts, among those of its priority",
    _parse_move,
    completers.open_task(
        (
            ("first", "before all"),
            ("last", "behind all"),
            ("before", "right before another one, whose id follows"),
        )
    ),
    ("Before another task it gets the priority of that one.",),
)


class Hold(msgspec.Struct, frozen=True):
    """Let queued tasks wait until they are released, or release them."""

    task_ids: tuple[int | None, ...]
    held: bool

    def run(self, context: Context) -> list[Effect]:
        """Ask for it, one by one."""

        def hold(wanted: int) -> list[Effect]:
            return context.send(
                lambda i: HoldTask(wanted, self.held, None, i),
                lambda reply: _altered(context, reply),
            )

        return [e for it in self.task_ids for e in context.with_task(it, hold)]


def _parse_hold(name: str, rest: str, *, held: bool) -> Hold:
    words = rest.split()
    if not words:
        raise UsageError(f"{name} takes the ids of queued tasks, such as: {name} 3")
    return Hold(tuple(task_id(word) for word in words), held)


_STASH: Final = CommandSpec(
    "/stash",
    "ID...",
    "hold queued tasks until /enqueue",
    lambda rest: _parse_hold("/stash", rest, held=True),
    completers.open_tasks(),
    synonyms=_also("/hold"),
)

_ENQUEUE: Final = CommandSpec(
    "/enqueue",
    "ID...",
    "let tasks start that were held by /stash or --stash",
    lambda rest: _parse_hold("/enqueue", rest, held=False),
    completers.open_tasks(),
    synonyms=_also("/release", "/unstash"),
)


class Pause(msgspec.Struct, frozen=True):
    """Start nothing, or tasks again; of a group, or at all."""

    group: str | None = None
    paused: bool = True

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        return context.send(
            lambda i: PauseQueue(self.group, self.paused, None, i),
            lambda reply: _ruled(context, reply),
        )


def _ruled(context: Context, reply: QueueReply) -> list[Effect]:
    if not isinstance(reply, RulesFound):
        return []
    return [context.reply(rules_lines(reply.rules))]


def _group_name(word: str) -> str:
    if not is_group_name(word):
        raise UsageError(f"{brief(word)} is not a group; use a short name")
    return word


def _parse_pause(name: str, rest: str, *, paused: bool) -> Pause:
    match rest.split():
        case [] | ["--all"]:
            return Pause(None, paused)
        case ["--group", group]:
            return Pause(_group_name(group), paused)
        case _:
            raise UsageError(f"{name} takes nothing, or a group: {name} --group NAME")


_WHOSE: Final = (
    ("--all", "all tasks"),
    ("--group", "those of one group, whose name follows"),
)

_PAUSE: Final = CommandSpec(
    "/pause",
    "[--group NAME]",
    "start no more tasks; those that run go on",
    lambda rest: _parse_pause("/pause", rest, paused=True),
    completers.options(_WHOSE),
    synonyms=_also("/drain"),
)

_RESUME: Final = CommandSpec(
    "/resume",
    "[--group NAME]",
    "start tasks again after /pause",
    lambda rest: _parse_pause("/resume", rest, paused=False),
    completers.options(_WHOSE),
    synonyms=_also("/unpause", "/continue"),
)


class SetUpGroup(msgspec.Struct, frozen=True):
    """Set how many tasks of a group run at a time; none for a look at all groups."""

    name: str | None = None
    slots: int = 0

    def run(self, context: Context) -> list[Effect]:
        """Ask for it."""
        name = self.name
        if name is None:
            return context.send(
                lambda i: GetRules(None, i), lambda reply: _ruled(context, reply)
            )
        return context.send(
            lambda i: SetGroup(name, self.slots, None, i),
            lambda reply: _ruled(context, reply),
        )


def _parse_group(rest: str) -> SetUpGroup:
    match rest.split():
        case []:
            return SetUpGroup()
        case [name, "--parallel", slots] if slots.isascii() and slots.isdigit():
            return SetUpGroup(_group_name(name), int(slots[:9]))
        case _:
            raise UsageError(
                "/group takes a name and a number: /group builds --parallel 2"
            )


_GROUP: Final = CommandSpec(
    "/group",
    "[NAME --parallel N]",
    "set how many tasks of a group run at a time, or show what is set",
    _parse_group,
    completers.options((("--parallel", "how many; 0 for as many as there is room"),)),
    ("A task without --group is in the group default.",),
    _also("/groups"),
)


class ShowTask(msgspec.Struct, frozen=True):
    """Show all that is known of a task; an id of none means the one added last."""

    task_id: int | None

    def run(self, context: Context) -> list[Effect]:
        """Look it up, and show or open it."""

        def found(found: TaskFound) -> list[Effect]:
            look = LookAtTask(found, context.now().timestamp())
            return context.look_up_beside(look, lambda it: _detail(context, found, it))

        return context.look_up(self.task_id, found)


def _detail(context: Context, found: TaskFound, look: Result) -> list[Effect]:
    if not isinstance(look, TaskLook):
        return []
    task = found.task
    earlier = context.signs.pop(task.id, None)
    if look.signs is not None:
        context.signs[task.id] = look.signs
    facts = activity_facts(look.silence, look.signs, earlier)
    if context.drawn:
        return [Inspect(found, tuple(facts))]
    does: Activity | None = None
    if task.status is TaskStatus.RUNNING:
        does = Activity(look.silence)
        if look.signs is not None:
            does = Activity(look.silence, look.signs.processes, look.signs.cpu)
    lines = detail_lines(found, context.icons, facts, look.end)
    return [context.reply(lines, ShowAnswer(task, found.pid, does, look.end.lines))]


_SHOW: Final = CommandSpec(
    "/show",
    "ID",
    "show all that is known of a task, and its last 20 lines",
    lambda rest: ShowTask(only_task_id("/show", rest)),
    completers.task(),
    synonyms=_also("/info", "/inspect", "/describe", "/details"),
)


class ShowOutput(msgspec.Struct, frozen=True):
    """Show what a task printed; an id of none means the one added last."""

    task_id: int | None

    def run(self, context: Context) -> list[Effect]:
        """Look the task up, and show its output or open it."""

        def found(found: TaskFound) -> list[Effect]:
            if context.drawn:
                return [Inspect(found)]
            task = found.task

            def read(output: Result) -> list[Effect]:
                if not isinstance(output, OutputText):
                    return []
                answer = OutputAnswer(
                    task.id, task.output_path, output.skipped, output.lines
                )
                return [context.reply(output_lines(task, output), answer)]

            return context.look_up_beside(ReadOutput(task), read)

        return context.look_up(self.task_id, found)


_OUTPUT: Final = CommandSpec(
    "/output",
    "ID",
    "show what a task printed",
    lambda rest: ShowOutput(only_task_id("/output", rest)),
    completers.task(),
    synonyms=_also(
        *("/log", "/logs", "/tail", "/follow", "/cat", "/less", "/view"),
        *("/attach", "/fg", "/stdout"),
    ),
)


class Wait(msgspec.Struct, frozen=True):
    """Wait for one task, or for all; an id of none means the one added last."""

    task_id: int | None = None
    everything: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Begin to wait; with nothing to wait for, say how it ended."""
        if self.everything:
            ids = {task.id for task in context.awaited_tasks}
            everything = PendingWait(ids, context.where, everything=True)
            return _begin(context, everything)

        def found(found: TaskFound) -> list[Effect]:
            if not context.can_end(found.task):
                text = f"#{found.task.id} does not start here: {found.task.reason}"
                return [context.problem(text)]
            wait = PendingWait({found.task.id}, context.where)
            if found.task.status.is_final:
                wait.task_ids.clear()
                wait.ended.append(found.task)
            return _begin(context, wait)

        return context.look_up(self.task_id, found)


def _begin(context: Context, wait: PendingWait) -> list[Effect]:
    if not wait.task_ids:
        return [context.reply([wait.outcome()], wait.answer())]
    context.waits.add(wait)
    if not context.drawn:
        return []  # nothing else is read before the end of it
    first, *others = (f"#{task_id}" for task_id in sorted(wait.task_ids))
    names = f"{first} and {len(others)} more have" if others else f"{first} has"
    return [context.reply([f"will say when {names} finished"])]


def _parse_wait(rest: str) -> Wait:
    if rest.strip() in {"", "--all"}:
        return Wait(everything=True)
    return Wait(only_task_id("/wait", rest))


_WAIT: Final = CommandSpec(
    "/wait",
    "[ID]",
    "wait for one task, or for all",
    _parse_wait,
    completers.open_task(needed=False),
    synonyms=_also("/join"),
)


class Clear(msgspec.Struct, frozen=True):
    """Forget finished tasks."""

    def run(self, context: Context) -> list[Effect]:
        """Ask for it, and say how many."""

        def cleared(reply: QueueReply) -> list[Effect]:
            if not isinstance(reply, Forgotten):
                return []
            count = len(reply.ids)
            text = f"forgot {count} finished task{'s' * (count != 1)}"
            if count:
                text += " with the output; what you typed stays in the chat"
            return [context.reply([text], ClearAnswer(reply.ids))]

        return context.send(lambda i: ForgetFinished(None, i), cleared)


def _parse_clear(rest: str) -> Clear:
    no_arguments("/clear", rest)
    return Clear()


_CLEAR: Final = CommandSpec(
    "/clear",
    "",
    "forget finished tasks and delete their output; what you typed stays in the chat",
    _parse_clear,
    synonyms=_also("/clean", "/prune", "/purge", "/forget"),
)


class Parallel(msgspec.Struct, frozen=True):
    """Let so many tasks run at a time; none asks how many there are."""

    slots: int | None = None

    def run(self, context: Context) -> list[Effect]:
        """Ask for it; a new number is announced to everybody, so here as well."""

        def answered(reply: QueueReply) -> list[Effect]:
            if not isinstance(reply, Slots):
                return []
            lines = [slots_text(reply.slots)] if self.slots is None else []
            return [context.reply(lines, ParallelAnswer(reply.slots))]

        return context.send(lambda i: SetSlots(self.slots, None, i), answered)


def _parse_parallel(rest: str) -> Parallel:
    word = rest.strip()
    if not word:
        return Parallel()
    digits = word.isascii() and word.isdigit() and len(word) <= _MOST_DIGITS
    if not digits or int(word) < 1:
        raise UsageError(
            f"{brief(word)} is not a number of tasks; give one from 1: /parallel 4"
        )
    return Parallel(int(word))


_MOST_DIGITS: Final = 6

_PARALLEL: Final = CommandSpec(
    "/parallel",
    "[N]",
    "let N tasks run at a time, until the session is closed",
    _parse_parallel,
    details=("With fewer than run now, none is ended.",),
    synonyms=_also("/slots"),
)


_NO_CONVERSATIONS: Final = "only the drawn chat has more than one conversation"


class GoToChat(msgspec.Struct, frozen=True):
    """Go to another conversation; to one that there is not only if it is to be new."""

    name: str
    new: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Go there, where there are conversations."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [OpenChat(self.name, self.new)]


class CloseConversation(msgspec.Struct, frozen=True):
    """Remove an empty conversation; none for the one that asks."""

    name: str | None = None

    def run(self, context: Context) -> list[Effect]:
        """Remove it, where there are conversations."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [CloseChat(self.name or context.where)]


def _parse_chat(rest: str) -> Command:
    words = rest.split()
    if not words:
        return ShowChats()
    if words == ["--close"]:
        return CloseConversation()
    option = words.pop(0) if words[0] in {"--new", "--close"} else ""
    if len(words) != 1 or words[0] == "--new" or not is_conversation_name(words[0]):
        raise UsageError(
            f"/chat takes one short name without spaces (up to {LONGEST_NAME}"
            " characters), such as: /chat notes"
        )
    if option == "--close":
        return CloseConversation(words[0])
    return GoToChat(words[0], new=option == "--new")


_CHAT: Final = CommandSpec(
    "/chat",
    "[--new | --close] NAME",
    "go to another conversation, begin one, or remove an empty one",
    _parse_chat,
    completers.conversation(
        (
            ("--new", "begin a conversation"),
            ("--close", "remove one in which nothing was said and no task was started"),
        )
    ),
    (
        "The beginning of a name will do if only one conversation begins with it.",
        "Tasks keep running; their news appear in the conversation that started them.",
    ),
    _also("/switch"),
)


class ShowChats(msgspec.Struct, frozen=True):
    """List the conversations."""

    def run(self, context: Context) -> list[Effect]:
        """List them, where there are some."""
        if not context.drawn:
            return [context.reply([_NO_CONVERSATIONS])]
        return [ListChats(context.where)]


def _parse_chats(rest: str) -> ShowChats:
    no_arguments("/chats", rest)
    return ShowChats()


_CHATS: Final = CommandSpec(
    "/chats",
    "",
    "list the conversations",
    _parse_chats,
    synonyms=_also("/conversations"),
)


class Help(msgspec.Struct, frozen=True):
    """Explain all commands, or one."""

    command: str | None = None

    def run(self, context: Context) -> list[Effect]:
        """Explain."""
        specs = REGISTRY if self.command is None else [REGISTRY.find(self.command)]
        commands = tuple(
            CommandHelp(
                spec.name,
                spec.usage,
                spec.summary,
                spec.details,
                tuple(it.name for it in spec.synonyms),
            )
            for spec in specs
        )
        kinds = tuple(KindHelp(*kind) for kind in context.kinds)
        lines = REGISTRY.help_lines(self.command, context.kinds)
        return [context.reply(lines, HelpAnswer(commands, kinds))]


def _parse_help(rest: str) -> Help:
    word = rest.strip()
    if not word:
        return Help()
    name = word if word.startswith(("/", "!")) else f"/{word}"
    return Help(REGISTRY.find(name).name)


_HELP: Final = CommandSpec(
    "/help",
    "[COMMAND]",
    "explain the commands, or one",
    _parse_help,
    completers.command,
    synonyms=_also("/?", "/man", "/commands"),
)


class Quit(msgspec.Struct, frozen=True):
    """Leave.

    Attributes:
        sure: Whether not to ask, even if something is ended by it.
        end: Whether to end the session even where leaving alone would not.
    """

    sure: bool = False
    end: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Say what is ended by it, and leave; where there is a screen, ask first."""
        if context.drawn and not self.sure:
            return [AskToLeave(self.end)]
        if context.detaches and not self.end:
            return [Leave(ends=False)]
        awaited = context.awaited_tasks
        running = [it for it in awaited if it.status is TaskStatus.RUNNING]
        queued = [it for it in awaited if it.status is TaskStatus.QUEUED]
        held = [it for it in context.open_tasks if not context.can_end(it)]
        # What waits is not ended: a session that is remembered keeps it.
        later = "starting next time:" if context.remembers else "dropping"
        lines = [
            f"{what} {names_of(tasks)}{fate}"
            for what, tasks, fate in (
                ("ending", running, f"; {context.fate(now=False)}"),
                (later, queued, ""),
                ("queued until a session has their kind:", held, ""),
            )
            if tasks
        ]
        ending, waiting = (
            tuple(t.id for t in ts) for ts in (running, [*queued, *held])
        )
        ids = QuitAnswer(ending, waiting)
        return [*([context.reply(lines, ids)] if lines else []), Leave()]


class Exit(msgspec.Struct, frozen=True):
    """Leave by a word that is no command here, but is in other programs."""

    def run(self, context: Context) -> list[Effect]:
        """Leave, or say how: a script that ends with such a word may mean to wait."""
        if context.drawn:
            return Quit().run(context)
        text = "to leave: /quit ends what runs, the end of the input waits for it"
        return [context.reply([text])]


def _parse_quit(rest: str) -> Quit:
    if rest.strip() == "--end":
        return Quit(end=True)
    no_arguments("/quit", rest)
    return Quit()


_QUIT: Final = CommandSpec(
    "/quit",
    "[--end]",
    "leave; the tasks of a session with a host keep running",
    _parse_quit,
    completers.options((("--end", "end the session and what runs in it"),)),
    details=(
        "A session without a host (backburner --no-host, --ephemeral) ends with it.",
    ),
    synonyms=_also("/exit", "/q", "/leave", "/logout", "/bye"),
)


REGISTRY: Final = Registry(
    _TASK,
    _BANG,
    _RERUN,
    _TASKS,
    _CANCEL,
    _MOVE,
    _PAUSE,
    _RESUME,
    _GROUP,
    _STASH,
    _ENQUEUE,
    _SHOW,
    _OUTPUT,
    _WAIT,
    _CLEAR,
    _PARALLEL,
    _CHAT,
    _CHATS,
    _HELP,
    _QUIT,
)
"""All commands, in the order in which help lists them."""
