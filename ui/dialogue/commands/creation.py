"""Commands that add tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import Task, TaskFound, TaskRequest
from ....actors.rules.safe_text import brief, safe_line
from ....actors.rules.terms import PLAIN
from ...program.policy import matching
from .. import completers
from ..arguments import UsageError, split_word, task_ids
from ..batch import each_request, read_lines
from ..effects import Effect, Speak
from ..lookups import ReadLines, TextOfFile
from ..new_task import Asked
from ..quoting import QUOTES, UnbalancedQuoteError, quoted, read_quoted, unquote_whole
from ..registry import CommandSpec, also
from ..term_options import help_lines, is_option, read_options
from .schedules import add_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Context


class Say(msgspec.Struct, frozen=True):
    """A chat message."""

    text: str

    def run(self, context: Context) -> list[Effect]:
        """Pass the message on to the partner."""
        return [Speak(self.text, context.where)] if context.drawn else []


class Run(msgspec.Struct, frozen=True):
    """Add a task to the queue.

    Attributes:
        request: The request.
        asked: The other options; the terms are in the request.
        confirmed: The line that adds the task without asking for confirmation; empty to
            make it from the typed line.
    """

    request: TaskRequest
    asked: Asked = Asked()
    confirmed: str = ""

    def run(self, context: Context) -> list[Effect]:
        """Add the task for the current conversation.

        Raises:
            UnknownKindError: If there is no kind of this name.
        """
        kinds = [it.name for it in context.kinds]
        if self.request.kind not in kinds:
            raise UnknownKindError(self.request.kind, kinds)
        origin = context.where or ""
        request = msgspec.structs.replace(self.request, origin=origin)
        asked = self.asked
        line = self.confirmed or _confirmed(context.line, request)
        if (question := self._question(context, request, line)) is not None:
            return question
        if asked.every:
            return add_schedule(context, request, asked)
        if asked.batch:
            return context.run_lookup(
                ReadLines(asked.batch),
                TextOfFile,
                lambda it: self._add_lines(context, request, it, line),
            )
        if asked.each:
            return self._add_each(context, request, asked.each, line)
        return context.add(request, unless_queued=asked.unless_queued)

    def _question(
        self, context: Context, request: TaskRequest, line: str
    ) -> list[Effect] | None:
        if self.asked.confirmed:
            return None
        return question(context, request.args, line)

    def _add_each(
        self, context: Context, request: TaskRequest, values: tuple[str, ...], line: str
    ) -> list[Effect]:
        requests = each_request(request, values, self.asked.max_fails)
        for it in requests:
            if (question := self._question(context, it, line)) is not None:
                return question
        once = self.asked.unless_queued
        return [e for it in requests for e in context.add(it, unless_queued=once)]

    def _add_lines(
        self, context: Context, request: TaskRequest, found: TextOfFile, line: str
    ) -> list[Effect]:
        try:
            return self._add_each(context, request, read_lines(found.text), line)
        except UsageError as error:
            return [context.problem(f"{self.asked.batch}: {error}")]


def question(
    context: Context, args: Sequence[str], line: str, what: str = "added"
) -> list[Effect] | None:
    """Ask a person to confirm a command; return None if that isn't needed.

    Args:
        context: The dialogue.
        args: The command.
        line: The line that confirms and runs the command.
        what: What does not happen without confirmation.
    """
    pattern = matching(context.confirm, " ".join(args))
    if pattern is None:
        return None
    text = f"not {what}: commands like {brief(pattern)} need confirmation"
    if not context.drawn:
        return context.refuse(f"{text}; use --yes if you mean it")
    return context.refuse(f"{text}; Tab and Enter confirm it", line)


YES: Final = "--yes"
"""The option that confirms a command."""

_TASK_USAGE: Final = '/task [OPTIONS] "Description" KIND ARGS...'

_TASK_EXAMPLE: Final = '/task "Run tests" bash make test'


LONGEST_CORRECTION: Final = 120
"""Maximum length of a correction in an error, in characters."""


class UnknownKindError(UsageError):
    """There is no kind of this name."""

    def __init__(self, kind: str, kinds: list[str]) -> None:
        known = ", ".join(kinds) or "none"
        super().__init__(f"unknown kind {brief(kind)}; the kinds are: {known}")
        self.kind = kind
        self.kinds = kinds


def _parse_task(rest: str) -> Run:
    asked, text = read_options(rest)
    job = read_job(text, asked.label)
    _check_command(rest, text, bash_part_of_job(text, labeled=bool(asked.label)) or "")
    request = msgspec.structs.replace(job, terms=asked.task_terms)
    if asked.each:
        each_request(request, asked.each, None)
    return Run(request, msgspec.structs.replace(asked, terms=PLAIN, label=""))


def _check_command(typed: str, job: str, command: str) -> None:
    """Refuse options directly before the command: bash would take them for its own.

    Args:
        typed: The whole typed text.
        job: Its end, after the options.
        command: The end of the job, which bash gets.
    """
    if not is_option(split_word(command)[0].partition("=")[0]):
        return
    _, rest = read_options(command)
    moved = command[: len(command) - len(rest)]
    before = typed[: len(typed) - len(job)] + moved
    corrected = f"{TASK.name} {before}{job.removesuffix(command)}{rest}"
    shown = brief(corrected, LONGEST_CORRECTION)
    raise UsageError(f"options stand before the description: {shown}", corrected)


def _confirmed(typed: str, request: TaskRequest) -> str:
    """Return the line that adds the typed task without asking for confirmation."""
    name, rest = split_word(typed.strip())
    if name not in {TASK.name, *(it.name for it in TASK.synonyms)}:
        description = quoted(safe_line(request.description).strip() or request.kind)
        rest = f"{description} {request.kind} {' '.join(request.args)}"
    return f"{TASK.name} {YES} {rest}"


def read_job(text: str, label: str = "", form: str = _TASK_USAGE) -> TaskRequest:
    """Parse a description, a kind and its arguments.

    Args:
        text: The typed text.
        label: The description, if an option has given it.
        form: The usage of the whole line, for errors.

    Raises:
        UsageError: If something is missing.
        UnbalancedQuoteError: If a quote never ends.
    """
    if label:
        if text[:1] in QUOTES and text:
            raise UsageError("use --label or a description before the kind, not both")
        description = label
    elif not text:
        raise UsageError(f"missing description and command; try: {_TASK_EXAMPLE}")
    elif text[0] in QUOTES:
        description, text = read_quoted(text)
        if text and not text[0].isspace():
            raise UsageError(
                f"put a space after the description's closing quote: {form}"
            )
    else:
        description, text = split_word(text)
    if not description.strip():
        of_task = form is _TASK_USAGE
        hint = f"try: {_TASK_EXAMPLE}" if of_task else f"the form is: {form}"
        raise UsageError(f"missing description; {hint}")
    kind, args = split_word(text)
    if not kind:
        raise UsageError(f"missing kind and command; the form is: {form}")
    args = unquote_whole(args)
    return TaskRequest(description, kind, (args,) if args else ())


def _bash_part(rest: str) -> str | None:
    try:
        asked, text = read_options(rest)
    except (UnbalancedQuoteError, UsageError):
        return None
    return bash_part_of_job(text, labeled=bool(asked.label))


def bash_part_of_job(text: str, *, labeled: bool = False) -> str | None:
    """Return the end of a job that bash gets; None if it isn't a bash job.

    A `labeled` job has no description of its own: an option has given it.
    """
    try:
        if labeled:
            pass
        elif text[:1] and text[0] in QUOTES:
            _, text = read_quoted(text)
        else:
            _, text = split_word(text)
    except UnbalancedQuoteError:
        return None
    kind, args = split_word(text)
    return args if kind == "bash" and args else None


TASK: Final = CommandSpec(
    "/task",
    '[OPTIONS] "Description" KIND ARGS...',
    "add a task to the queue",
    _parse_task,
    completers.job,
    (
        "The rest of the line after the kind is passed on unchanged:",
        '  /task "Count" bash ls | wc -l && echo "a  b"',
        "Quotes around all of it are removed:",
        '  /task "Run tests" bash "make test"',
        "In double quotes, so is a backslash before a quote, a backslash, $ or `.",
        "Options:",
        *help_lines(),
    ),
    also("/job"),
    _bash_part,
)


def parse_bang(rest: str) -> Run:
    """Parse a command for bash."""
    command = unquote_whole(rest)
    if not command.strip():
        raise UsageError("missing command; try: !make test")
    if command.strip() == "!":
        raise UsageError("!! repeats nothing; try: /rerun last", "/rerun last")
    return Run(TaskRequest(command.strip(), "bash", (command,)))


BANG: Final = CommandSpec(
    "!",
    "COMMAND",
    "run a command line with bash; short for /task",
    parse_bang,
    details=(
        "  !make test",
        "A command that bash finds unfinished continues in the next line.",
    ),
    synonyms=also("/add", "/exec", "/bg", "/bash", "/sh"),
    bash_part=lambda rest: rest or None,
)


class Again(msgspec.Struct, frozen=True):
    """Run a task again in its directory; `sure` if its command is confirmed."""

    task: Task
    sure: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Add the same task, with the environment of this program."""
        task = self.task
        if task.directory is None:
            return [
                context.problem(
                    f"#{task.id} was added by an older version, which did not write"
                    " down its directory; type it again where it is to run"
                )
            ]
        again = f"{RERUN.name} --yes {task.id}"
        return Run(task.request, Asked(confirmed=self.sure), again).run(context)


class Rerun(msgspec.Struct, frozen=True):
    """Run tasks again; None means the task added last."""

    task_ids: tuple[int | None, ...]
    sure: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Look the tasks up and add them again, for the current conversation."""

        def again(found: TaskFound) -> list[Effect]:
            return Again(found.task, self.sure).run(context)

        return [e for it in self.task_ids for e in context.look_up(it, again)]


def _parse_rerun(rest: str) -> Rerun:
    words = rest.split()
    ids = task_ids(
        [word for word in words if word != YES],
        "run which task again? Give its id: /rerun 3, or /rerun last",
    )
    return Rerun(ids, YES in words)


RERUN: Final = CommandSpec(
    "/rerun",
    "ID...",
    "run a task again, as a new task",
    _parse_rerun,
    completers.tasks(),
    (
        "It runs in the directory of that task, with the current environment.",
        "--yes: run it without asking for confirmation",
    ),
    also("/retry", "/restart", "/repeat", "/again", "/redo"),
)
