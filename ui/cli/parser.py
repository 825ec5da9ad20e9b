"""The options of the verbs."""

from __future__ import annotations

import argparse
import math
import signal
from pathlib import Path
from typing import Final, Protocol

from ..dialogue.arguments import UsageError
from ..dialogue.new_task import Asked
from ..dialogue.term_options import OPTIONS, waits_for_last
from ..program.options import (
    SafeParser,
    VerbParser,
    add_mcp_options,
    add_session_options,
)
from .completions import SHELLS
from .output import Position

_MOST_SLOTS: Final = 1_000_000
_HOST_ACTIONS: Final = ("start", "run", "status", "stop", "restart", "logs")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = SafeParser(
        prog="backburner",
        description="Run and manage background jobs of a session.",
        epilog="Without a command it opens the chat: backburner --help.",
    )
    add_verbs(parser, required=True)
    return parser


def add_verbs(
    parser: argparse.ArgumentParser, *, required: bool
) -> dict[str, argparse.ArgumentParser]:
    """Add the verbs to a parser; return the parser of each."""
    verbs = parser.add_subparsers(
        dest="verb", metavar="COMMAND", required=required, parser_class=VerbParser
    )
    common = _common()

    def verb(name: str, summary: str, *, json: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(
            name, help=summary, description=summary, parents=[common]
        )
        if json:
            made.add_argument("--json", action="store_true", help="write JSON")
        return made

    add = verb("add", "add a task: one argument is a command line, several are quoted")
    _describes_task(add)
    add.add_argument("-p", "--print-id", action="store_true", help="print the id alone")
    run = verb("run", "add a task, show its output, exit with its status", json=False)
    _describes_task(run)
    for name in ("status", "list"):
        status = verb(name, "list tasks; by default all except canceled ones")
        which = status.add_mutually_exclusive_group()
        for word in (
            "all",
            "queued",
            "running",
            "completed",
            "failed",
            "canceled",
            "finished",
        ):
            which.add_argument(
                f"--{word}", dest="which", action="store_const", const=word
            )
        status.add_argument("-g", "--group", metavar="NAME", help="tasks of this group")
        status.add_argument(
            "-l",
            "--label",
            metavar="TEXT",
            help="tasks whose description contains this",
        )
        status.add_argument(
            "--watch", action="store_true", help="update the list until Ctrl+C"
        )
    verb("show", "show the details of a task").add_argument("id", type=task_id)
    log = verb("log", "show the output of a task")
    log.add_argument("id", type=task_id, nargs="?", help="default: the newest")
    log.add_argument("-f", "--follow", action="store_true", help="until it ends")
    log.add_argument("-n", "--lines", type=count, metavar="N", help="the last N lines")
    log.add_argument("--all", action="store_true", help="all tasks; with --grep")
    log.add_argument("--grep", metavar="RE", help="only lines that match")
    log.add_argument(
        "--since",
        type=position,
        metavar="OFFSET|ID:OFFSET",
        help="only output after this place; reports where to continue",
    )
    wait = verb("wait", "wait for tasks; by default for all open ones")
    wait.add_argument("ids", type=task_id, nargs="*", metavar="ID")
    wait.add_argument("--any", action="store_true", help="until one of them ends")
    wait.add_argument("--timeout", type=seconds, metavar="S", default=math.inf)
    cancel = verb("cancel", "cancel tasks")
    cancel.add_argument("ids", type=task_id, nargs="+", metavar="ID")
    cancel.add_argument("--now", action="store_true", help="kill running ones at once")
    kill = verb("kill", "send a signal to a running task's processes", json=False)
    kill.add_argument("-s", "--signal", type=signal_number, default=signal.SIGKILL)
    kill.add_argument("ids", type=task_id, nargs="+", metavar="ID")
    _add_rerun(verb)
    _order_verbs(verb)
    _summing_verbs(verb)
    _template_verbs(verb)
    verb("clean", "forget finished tasks and delete their output")
    verb("sessions", "list the sessions")
    host = verb("host", "start, stop or inspect the host of the session")
    host.add_argument("action", choices=_HOST_ACTIONS)
    host.add_argument("--force", action="store_true", help="even if tasks are running")
    # Carried out without this parser; here for completion.
    add_mcp_options(verb("mcp", "serve an agent by MCP", json=False))
    verb("end", "end the session and its running tasks", json=False)
    summary = "print the completion script of a shell"
    completions = verbs.add_parser("completions", help=summary, description=summary)
    completions.add_argument("shell", choices=SHELLS)
    return {**verbs.choices}


def _talking_verbs(verb: _MakeVerb) -> None:
    """Add the verbs that reach running tasks."""
    summary = "use the terminal of a task here; Ctrl+] returns"
    verb("attach", summary, json=False).add_argument("id", type=task_id)
    send = verb("send", "send a line or standard input to a task", json=False)
    send.add_argument(
        "-n", "--no-newline", action="store_true", help="without the end of the line"
    )
    send.add_argument("--end", action="store_true", help="then the end of its input")
    send.add_argument("id", type=task_id)
    send.add_argument("text", nargs="*", metavar="TEXT", default=[])


class _MakeVerb(Protocol):
    def __call__(
        self, name: str, summary: str, *, json: bool = True
    ) -> argparse.ArgumentParser: ...


def _add_rerun(verb: _MakeVerb) -> None:
    """Add the verb that runs tasks again."""
    rerun = verb("rerun", "add tasks again, with the same request")
    _confirms(rerun)
    rerun.add_argument("ids", type=task_id, nargs="+", metavar="ID")


def _template_verbs(verb: _MakeVerb) -> None:
    """Add the verbs about templates."""
    verb("templates", "list the templates of this directory")
    trust = verb("trust", "trust the template file of a project")
    trust.add_argument("file", type=Path, nargs="?", metavar="FILE")


def _confirms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes",
        dest="asked",
        action="store_const",
        const=Asked(confirmed=True),
        help="run it without asking for confirmation",
    )


def _summing_verbs(verb: _MakeVerb) -> None:
    """Add the verbs that sum up what became of tasks."""
    verb("stats", "count finished tasks, and show times by group")
    verb("failures", "list failed tasks with the last lines of their output")
    export = verb("export", "write all tasks as JSON lines, or a report", json=False)
    export.add_argument("--force", action="store_true", help="replace an existing file")
    export.add_argument(
        "file", nargs="?", metavar="FILE", help="a report if it ends with .html or .md"
    )


def _order_verbs(verb: _MakeVerb) -> None:
    """Add the verbs that say when queued tasks start, and that reach running ones."""
    _talking_verbs(verb)
    parallel = verb("parallel", "set how many tasks run at a time; without N, show it")
    parallel.add_argument("slots", type=slots, nargs="?", metavar="N")
    for name, summary in (
        ("pause", "pause tasks, a group or a schedule; by default, everything"),
        ("resume", "continue after pause or drain"),
    ):
        pause = verb(name, summary)
        pause.add_argument("ids", type=task_id, nargs="*", metavar="ID")
        whose = pause.add_mutually_exclusive_group()
        whose.add_argument("-g", "--group", metavar="NAME", help="of one group alone")
        whose.add_argument("--schedule", type=count, metavar="ID", help="one schedule")
    drain = verb("drain", "start no more tasks; running ones finish")
    drain.add_argument("-g", "--group", metavar="NAME", help="of one group alone")
    group = verb(
        "group", "set how many tasks of a group run at a time, or show the groups"
    )
    group.add_argument("name", nargs="?", metavar="NAME")
    group.add_argument("--parallel", type=count, metavar="N", help="0: no limit")
    group.add_argument(
        "--pause-on-failure",
        choices=("on", "off"),
        help="start no more tasks when one fails",
    )
    edit = verb("edit", "change a queued task, in $EDITOR or to a new command")
    edit.add_argument("-l", "--label", metavar="TEXT", help="its new description")
    _confirms(edit)
    edit.add_argument("id", type=task_id)
    words = edit.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="CMD", help="the new command"
    )
    words.required = False
    rename = verb("rename", "change the description of a task")
    rename.add_argument("id", type=task_id)
    rename.add_argument("text", nargs="+", metavar="TEXT")
    cluster = verb("cluster", "show the nodes of the cluster and the tasks on them")
    cluster.add_argument(
        "--address", metavar="HOST:PORT", default="", help="the head of the cluster"
    )
    verb("schedules", "list the schedules, which add --every creates")
    unschedule = verb("unschedule", "remove schedules; tasks that they added stay")
    unschedule.add_argument("ids", type=count, nargs="+", metavar="ID")
    move = verb("move", "change the place of a queued task")
    move.add_argument("id", type=task_id)
    move.add_argument("place", choices=("first", "last", "before"))
    move.add_argument("other", type=task_id, nargs="?", metavar="ID")
    for name, summary in (
        ("stash", "hold queued tasks until enqueue"),
        ("enqueue", "release held tasks"),
    ):
        hold = verb(name, summary)
        hold.add_argument("ids", type=task_id, nargs="+", metavar="ID")


def _common() -> VerbParser:
    common = VerbParser(add_help=False)
    add_session_options(common)
    return common


def _describes_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-w", "--workdir", metavar="DIR", help="where it runs")
    parser.add_argument(
        "-e",
        "--env",
        metavar="K=V",
        action="append",
        default=[],
        type=variable,
        help="an environment variable; repeatable",
    )
    parser.add_argument("-l", "--label", metavar="TEXT", help="its description")
    parser.add_argument(
        "-t",
        "--template",
        metavar="NAME",
        help="run this template, with CMD as its arguments",
    )
    parser.set_defaults(asked=Asked(), given=())
    for option in OPTIONS:
        names = [option.name, *([option.short] if option.short else [])]
        if option.value:
            parser.add_argument(
                *names,
                metavar=option.value,
                help=option.summary,
                action=_AddTerm,
                dest="asked",
            )
        else:
            parser.add_argument(
                *names, nargs=0, help=option.summary, action=_AddTerm, dest="asked"
            )
    parser.add_argument("words", nargs="*", metavar="CMD", help="the command")


class _AddTerm(argparse.Action):
    """Adds to what is asked of a new task what an option says."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        option = next(it for it in OPTIONS if it.name in self.option_strings)
        value = values if isinstance(values, str) else ""
        try:
            namespace.asked = option.add_to(namespace.asked, value)
            namespace.given = (*namespace.given, (option, value))
        except UsageError as error:
            text = str(error).removeprefix(f"{option.name}: ")
            raise argparse.ArgumentError(self, text) from error
        if waits_for_last(namespace.asked.terms):
            # Which one that is, other clients decide as well.
            text = "give the ids of the tasks, such as 3 or 3,5"
            raise argparse.ArgumentError(self, text)


def task_id(text: str) -> int:
    """Read an id such as `3` or `#3`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 - fits 64 bits
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a task id; use a number such as 3"
        )
    return int(digits)


def position(text: str) -> Position:
    """Read a place in a task's output: `2048`, or `3:2048` for that of task 3."""
    given, colon, offset = text.rpartition(":")
    try:
        return Position(count(offset), task_id(given) if colon else None)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a place in an output; use bytes such as 2048, or what"
            " the last call said, such as 3:2048"
        ) from None


def count(text: str) -> int:
    """Read a whole number from 0."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def slots(text: str) -> int:
    """Read a number of tasks that run at a time; 0 for `default`."""
    if text == "default":
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= _MOST_SLOTS):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of tasks from 1 to {_MOST_SLOTS}"
        )
    return int(text)


def seconds(text: str) -> float:
    """Read seconds from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0")
    return value


def variable(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, found, value = text.partition("=")
    if not name or not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def signal_number(text: str) -> int:
    """Read a signal: `TERM`, `SIGTERM` or `15`."""
    if text.isascii() and text.isdigit() and int(text) in {*signal.Signals}:
        return int(text)
    name = text.upper().removeprefix("SIG")
    try:
        return signal.Signals[f"SIG{name}"]
    except KeyError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a signal; use a name such as TERM"
        ) from None
