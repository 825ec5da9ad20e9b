"""The slash commands: one registry gives parsing, help and completion."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskFilter, TaskRequest
from ...actors.rules.safe_text import brief, safe_line
from .quoting import QUOTES, UnbalancedQuoteError, read_quoted, unquote_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

LAST: Final = "last"
"""The id that means the task added last."""

LONGEST_NAME: Final = 32
"""Characters of the longest name of a conversation."""


class UsageError(ValueError):
    """A line that makes no sense; the text says why and what to do, in one line."""


class Say(msgspec.Struct, frozen=True):
    """A chat message."""

    text: str


class Run(msgspec.Struct, frozen=True):
    """Put a task on the back burner."""

    request: TaskRequest


class ShowTasks(msgspec.Struct, frozen=True):
    """List tasks."""

    which: TaskFilter


class Cancel(msgspec.Struct, frozen=True):
    """Cancel tasks; an id of none means the one added last."""

    task_ids: tuple[int | None, ...]
    now: bool = False


class CancelEverything(msgspec.Struct, frozen=True):
    """Cancel all tasks that have not finished."""

    now: bool = False


class ShowTask(msgspec.Struct, frozen=True):
    """Show all that is known of a task."""

    task_id: int | None


class ShowOutput(msgspec.Struct, frozen=True):
    """Show what a task printed."""

    task_id: int | None


class Wait(msgspec.Struct, frozen=True):
    """Wait for one task, or for all."""

    task_id: int | None = None
    everything: bool = False


class Clear(msgspec.Struct, frozen=True):
    """Forget finished tasks."""


class Help(msgspec.Struct, frozen=True):
    """Explain all commands, or one."""

    command: str | None = None


class OpenChat(msgspec.Struct, frozen=True):
    """Go to another conversation."""

    name: str


class ListChats(msgspec.Struct, frozen=True):
    """List the conversations."""


class Quit(msgspec.Struct, frozen=True):
    """Leave."""


Command = (
    Say
    | Run
    | ShowTasks
    | Cancel
    | CancelEverything
    | ShowTask
    | ShowOutput
    | Wait
    | Clear
    | Help
    | OpenChat
    | ListChats
    | Quit
)


class Takes(enum.Enum):
    """What a command's arguments are, so that they can be proposed."""

    NOTHING = enum.auto()
    JOB = enum.auto()
    TASK = enum.auto()
    OPEN_TASK = enum.auto()
    OPEN_TASKS = enum.auto()
    COMMAND = enum.auto()
    CONVERSATION = enum.auto()


class CommandSpec(msgspec.Struct, frozen=True):
    """One entry of the registry.

    Attributes:
        name: What is typed, with the slash.
        usage: Its arguments.
        summary: What it does, in one line.
        parse: Makes a command of the text after the name; raises `UsageError`.
        takes: What its arguments are.
        options: Words that it knows as arguments too, and what each means.
        details: What else there is to know, a line each.
    """

    name: str
    usage: str
    summary: str
    parse: Callable[[str], Command]
    takes: Takes = Takes.NOTHING
    options: tuple[tuple[str, str], ...] = ()
    details: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """Its name and arguments, as help shows them."""
        return f"{self.name} {self.usage}".strip()

    @property
    def needs_argument(self) -> bool:
        """Whether it makes no sense without an argument."""
        return bool(self.usage) and not self.usage.startswith("[")


FILTERS: Final = {
    "--all": TaskFilter.ALL,
    "--queued": TaskFilter.QUEUED,
    "--running": TaskFilter.RUNNING,
    "--completed": TaskFilter.COMPLETE,
    "--failed": TaskFilter.FAILED,
    "--canceled": TaskFilter.CANCELED,
    "--finished": TaskFilter.FINISHED,
}
"""What `/tasks` takes."""

_TASK_USAGE: Final = '/task "Description" KIND ARGS...'
_TASK_EXAMPLE: Final = '/task "Run tests" bash make test'


def _parse_task(rest: str) -> Command:
    text = rest.lstrip()
    if not text:
        raise UsageError(f"missing description and command; try: {_TASK_EXAMPLE}")
    if text[0] in QUOTES:
        description, text = read_quoted(text)
        if text and not text[0].isspace():
            raise UsageError(
                f"put a space after the description's closing quote: {_TASK_USAGE}"
            )
    else:
        description, text = _split_word(text)
    if not description.strip():
        raise UsageError(f"missing description; try: {_TASK_EXAMPLE}")
    kind, args = _split_word(text)
    if not kind:
        raise UsageError(f"missing kind and command; the form is: {_TASK_USAGE}")
    return Run(_request(description, kind, args))


def _split_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0] if rest else ""


def _request(description: str, kind: str, args: str) -> TaskRequest:
    text = unquote_whole(args)
    return TaskRequest(description, kind, (text,) if text else ())


def _parse_bang(rest: str) -> Command:
    command = unquote_whole(rest)
    if not command.strip():
        raise UsageError("missing command; try: !make test")
    return Run(TaskRequest(command.strip(), "bash", (command,)))


def _parse_tasks(rest: str) -> Command:
    word = rest.strip()
    if not word:
        return ShowTasks(TaskFilter.NOT_CANCELED)
    if len(words := word.split()) > 1 and FILTERS.keys() >= set(words):
        raise UsageError(f"/tasks takes one filter, such as: /tasks {words[0]}")
    if word not in FILTERS:
        raise UsageError(
            f"unknown filter {brief(word)}; use one of: {' '.join(FILTERS)}"
        )
    return ShowTasks(FILTERS[word])


def _parse_cancel(rest: str) -> Command:
    words = rest.split()
    now = "--now" in words
    words = [word for word in words if word != "--now"]
    if words == ["--all"]:
        return CancelEverything(now)
    if not words:
        raise UsageError("cancel which task? Give its id: /cancel 3, or /cancel --all")
    try:
        return Cancel(tuple(_parse_id(word) for word in words), now)
    except UsageError as error:
        raise UsageError(f"{error}; several with spaces, or --all") from error


def _parse_id(word: str) -> int | None:
    if word == LAST:
        return None
    digits = word.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 - fits 64 bits
        raise UsageError(
            f"{brief(word)} is no task id; give a number such as 3, or {LAST}"
        )
    return int(digits)


def _parse_only_id(name: str, rest: str) -> int | None:
    words = rest.split()
    if len(words) != 1:
        raise UsageError(f"{name} takes one task id, such as: {name} 3")
    return _parse_id(words[0])


def _parse_show(rest: str) -> Command:
    return ShowTask(_parse_only_id("/show", rest))


def _parse_output(rest: str) -> Command:
    return ShowOutput(_parse_only_id("/output", rest))


def _parse_wait(rest: str) -> Command:
    if rest.strip() in {"", "--all"}:
        return Wait(everything=True)
    return Wait(_parse_only_id("/wait", rest))


def _parse_help(rest: str) -> Command:
    word = rest.strip()
    if not word:
        return Help()
    name = word if word.startswith(("/", "!")) else f"/{word}"
    return Help(find(name).name)


def _parse_chat(rest: str) -> Command:
    words = rest.split()
    if (
        len(words) != 1
        or len(words[0]) > LONGEST_NAME
        or safe_line(words[0]) != words[0]
    ):
        raise UsageError(
            f"/chat takes one short name without spaces (up to {LONGEST_NAME}"
            " characters), such as: /chat notes"
        )
    return OpenChat(words[0])


def _parse_nothing(name: str, command: Command) -> Callable[[str], Command]:
    def parse(rest: str) -> Command:
        if rest.strip():
            raise UsageError(f"{name} takes no arguments")
        return command

    return parse


REGISTRY: Final = (
    CommandSpec(
        "/task",
        '"Description" KIND ARGS...',
        "put a job on the back burner",
        _parse_task,
        Takes.JOB,
        details=(
            "After the kind the rest of the line is taken as it is:",
            '  /task "Count" bash ls | wc -l && echo "a  b"',
            "Quotes around all of it are taken off:",
            '  /task "Run tests" bash "make test"',
        ),
    ),
    CommandSpec(
        "!",
        "COMMAND",
        "run a command line with bash; short for /task",
        _parse_bang,
        details=("  !make test",),
    ),
    CommandSpec(
        "/tasks",
        "[FILTER]",
        "list tasks; without a filter all but the canceled ones",
        _parse_tasks,
        options=(
            ("--all", "every task, canceled ones too"),
            ("--queued", "those that wait for a slot"),
            ("--running", "those that run"),
            ("--completed", "those that did what they should"),
            ("--failed", "those that did not"),
            ("--canceled", "those that were canceled"),
            ("--finished", "those that have ended, in whatever way"),
        ),
        details=(f"Filters: {' '.join(FILTERS)}",),
    ),
    CommandSpec(
        "/cancel",
        "ID... | --all",
        "stop running tasks, drop queued ones",
        _parse_cancel,
        Takes.OPEN_TASKS,
        (
            ("--all", "every task that has not ended"),
            ("--now", "kill at once, without a grace period"),
        ),
        (
            "An id is a number as lists show it, with or without #, or: last",
            "A running task is asked to end and killed after the grace period;",
            "with --now it is killed at once.",
        ),
    ),
    CommandSpec(
        "/show",
        "ID",
        "show all that is known of a task, and its last 20 lines",
        _parse_show,
        Takes.TASK,
    ),
    CommandSpec("/output", "ID", "show what a task printed", _parse_output, Takes.TASK),
    CommandSpec(
        "/wait", "[ID]", "wait for one task, or for all", _parse_wait, Takes.OPEN_TASK
    ),
    CommandSpec(
        "/clear",
        "",
        "forget finished tasks and delete their output",
        _parse_nothing("/clear", Clear()),
    ),
    CommandSpec(
        "/chat",
        "NAME",
        "go to another conversation, or begin one",
        _parse_chat,
        Takes.CONVERSATION,
        details=("Tasks go on; their news go to the conversation that started them.",),
    ),
    CommandSpec(
        "/chats",
        "",
        "list the conversations",
        _parse_nothing("/chats", ListChats()),
    ),
    CommandSpec(
        "/help",
        "[COMMAND]",
        "explain the commands, or one",
        _parse_help,
        Takes.COMMAND,
    ),
    CommandSpec(
        "/quit",
        "",
        "end what runs, and leave",
        _parse_nothing("/quit", Quit()),
    ),
)
"""All commands, in the order in which help lists them."""


def find(name: str) -> CommandSpec:
    """Return the command of this name.

    Raises:
        UsageError: If there is none; its text names the nearest.
    """
    specs = {spec.name: spec for spec in REGISTRY}
    if name in specs:
        return specs[name]
    import difflib  # noqa: PLC0415 - a mistake can wait, a start can't

    near = difflib.get_close_matches(name, specs, n=1)
    hint = f"did you mean {near[0]}?" if near else "/help lists the commands"
    raise UsageError(f"unknown command {brief(name)}; {hint}")


def parse(line: str) -> Command:
    """Make a command of what was typed.

    What starts with neither `/` nor `!` is a chat message; so is what starts with
    `//`, without the first slash.

    Raises:
        UsageError: If it makes no sense.
    """
    text = line.strip("\r\n").lstrip()
    try:
        if text.startswith("//"):
            return Say(text[1:].rstrip())
        if text.startswith("!"):
            return find("!").parse(text[1:])
        if text.startswith("/"):
            name, rest = _split_word(text)
            return find(name).parse(rest)
    except UnbalancedQuoteError as error:
        raise UsageError(f"{error}; add it") from error
    return Say(text.rstrip())


def split_commands(text: str) -> list[str]:
    """Return the commands of an input that is nothing but commands, one a line.

    Whoever pastes several means each of them; any other input of several lines is one
    message, or one command with a script.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 1 and all(map(_is_command, lines)) else [text]


def _is_command(line: str) -> bool:
    """Tell whether a line is a command, whole by itself."""
    import shlex  # noqa: PLC0415 - several lines at once are rare

    try:
        shlex.split(line)
    except ValueError:
        return False  # a quote or a backslash goes on in the next
    if "<<" in line:
        return False
    name, _ = _split_word(line)
    if name.startswith("!"):
        return len(name) > 1  # alone it negates, in a script
    return any(spec.name == name for spec in REGISTRY)


def help_lines(command: str | None, kinds: Iterable[tuple[str, str, str]]) -> list[str]:
    """Write the help of one command, or of all.

    Args:
        command: Its name, with the slash; none for all.
        kinds: Name, arguments and summary of each kind of task.
    """
    if command is not None:
        spec = find(command)
        return [f"{spec.heading}  {spec.summary}", *spec.details]
    width = max(len(spec.heading) for spec in REGISTRY)
    lines = [f"{spec.heading:<{width}}  {spec.summary}" for spec in REGISTRY]
    lines.append("")
    lines.extend(f"KIND {name} {usage}: {summary}" for name, usage, summary in kinds)
    lines.append("Anything else is a chat message; start it with // if with a slash.")
    return lines
