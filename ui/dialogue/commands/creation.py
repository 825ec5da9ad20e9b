"""Commands that add tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import Task, TaskFound, TaskRequest
from ....actors.rules.safe_text import brief, safe_line
from ....actors.rules.terms import PLAIN
from ...program.policy import matching
from .. import completers
from ..arguments import UsageError, split_word, task_id
from ..batch import each_request, read_lines
from ..effects import Effect, Speak
from ..lookups import ReadLines, Result, TextOfFile
from ..new_task import Asked
from ..quoting import QUOTES, UnbalancedQuoteError, quoted, read_quoted, unquote_whole
from ..registry import CommandSpec, also
from ..term_options import help_lines, read_options
from .schedules import add_schedule

if TYPE_CHECKING:
    from ..context import Context


class Say(msgspec.Struct, frozen=True):
    """A chat message."""

    text: str

    def run(self, context: Context) -> list[Effect]:
        """Pass it on to whoever answers."""
        return [Speak(self.text, context.where)] if context.drawn else []


class Run(msgspec.Struct, frozen=True):
    """Put a task on the back burner."""

    request: TaskRequest
    asked: Asked = Asked()  # but for the terms, which are in the request

    def run(self, context: Context) -> list[Effect]:
        """Add it, for the conversation that asks.

        Raises:
            UnknownKindError: If there is no such kind of task.
        """
        kinds = [name for name, _, _ in context.kinds]
        if self.request.kind not in kinds:
            raise UnknownKindError(self.request.kind, kinds)
        origin = context.where or ""
        request = msgspec.structs.replace(self.request, origin=origin)
        asked = self.asked
        if (question := _question(context, request, asked)) is not None:
            return question
        if asked.every:
            return add_schedule(context, request, asked)
        if asked.batch:
            return context.look_up_beside(
                ReadLines(asked.batch),
                lambda it: _add_lines(context, request, asked, it),
            )
        if asked.each:
            return _add_each(context, request, asked, asked.each)
        return context.add(request, unless_queued=asked.unless_queued)


def _question(
    context: Context,
    request: TaskRequest,
    asked: Asked,
    typed: TaskRequest | None = None,
) -> list[Effect] | None:
    """Return what asks a person to confirm a command; None if nothing has to.

    Args:
        context: The dialogue.
        request: Whose command may have to be confirmed.
        asked: What its options say.
        typed: What was typed, if the request was made from that.
    """
    pattern = matching(context.confirm, " ".join(request.args))
    if pattern is None or asked.confirmed:
        return None
    text = f"not added: commands like {brief(pattern)} have to be confirmed"
    terms = (typed or request).terms
    if not context.drawn or terms is not None or asked != Asked():
        return context.refuse(f"{text}; add it with --yes")
    name = quoted(safe_line(request.description).strip() or request.kind)
    command = " ".join(request.args)
    line = f"/task --yes {name} {request.kind} {command}"
    return context.refuse(f"{text}; Enter adds it", line)


def _add_each(
    context: Context, request: TaskRequest, asked: Asked, values: tuple[str, ...]
) -> list[Effect]:
    requests = each_request(request, values, asked.max_fails)
    for it in requests:
        if (question := _question(context, it, asked, request)) is not None:
            return question
    once = asked.unless_queued
    return [e for it in requests for e in context.add(it, unless_queued=once)]


def _add_lines(
    context: Context, request: TaskRequest, asked: Asked, found: Result
) -> list[Effect]:
    if not isinstance(found, TextOfFile):
        return []
    try:
        return _add_each(context, request, asked, read_lines(found.text))
    except UsageError as error:
        return [context.problem(f"{asked.batch}: {error}")]


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


def _parse_task(rest: str) -> Run:
    asked, text = read_options(rest)
    job = read_job(text)
    request = msgspec.structs.replace(job, terms=asked.task_terms)
    if asked.each:
        each_request(request, asked.each, None)
    return Run(request, msgspec.structs.replace(asked, terms=PLAIN))


def read_job(text: str) -> TaskRequest:
    """Read a description, a kind and what it is told.

    Raises:
        UsageError: If something is missing.
        UnbalancedQuoteError: If a quote never ends.
    """
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
    return TaskRequest(description, kind, (args,) if args else ())


def _bash_part(rest: str) -> str | None:
    try:
        _, text = read_options(rest)
    except (UnbalancedQuoteError, UsageError):
        return None
    return bash_part_of_job(text)


def bash_part_of_job(text: str) -> str | None:
    """Return the end of a text that bash gets; none if it is no job for bash."""
    try:
        if text[:1] and text[0] in QUOTES:
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
    also("/job"),
    _bash_part,
)


def _parse_bang(rest: str) -> Run:
    command = unquote_whole(rest)
    if not command.strip():
        raise UsageError("missing command; try: !make test")
    return Run(TaskRequest(command.strip(), "bash", (command,)))


BANG: Final = CommandSpec(
    "!",
    "COMMAND",
    "run a command line with bash; short for /task",
    _parse_bang,
    details=("  !make test",),
    synonyms=also("/run", "/add", "/exec", "/bg", "/bash", "/sh"),
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


RERUN: Final = CommandSpec(
    "/rerun",
    "ID...",
    "run a task again, as a new task",
    _parse_rerun,
    completers.tasks(),
    ("It runs in the directory of the first one, with the environment of now.",),
    also("/retry", "/restart", "/repeat", "/again", "/redo"),
)
