"""The options of the verbs."""

from __future__ import annotations

import argparse
import math
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...actors.rules.record import Record
from ..dialogue.arguments import UsageError
from ..dialogue.new_task import Asked
from ..dialogue.term_options import OPTIONS, waits_for_last
from ..program.options import (
    VerbParser,
    add_mcp_options,
    add_session_options,
    folder,
)
from .completions import SHELLS
from .values import (
    count,
    group_slots,
    position,
    seconds,
    signal_number,
    slots,
    task_id,
    variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST_ACTIONS: Final = ("start", "run", "status", "stop", "restart", "logs")


def make_parser(verb: str) -> VerbParser:
    """Return the parser for the arguments of a verb; its result includes the verb.

    Only the given verb is added, because all of them would take most of the time of a
    short one.
    """
    described = _VERBS[verb]
    parser = VerbParser(prog=f"backburner {verb}", description=described.summary)
    _add_arguments(parser, described)
    parser.set_defaults(verb=verb)
    return parser


def add_verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Add all verbs to the parser of the chat; return the parser of each."""
    verbs = parser.add_subparsers(
        title="commands",
        dest="verb",
        metavar="COMMAND",
        required=False,
        parser_class=VerbParser,
    )
    for name, described in _VERBS.items():
        summary = described.summary
        made = verbs.add_parser(name, help=summary, description=summary)
        _add_arguments(made, described)
    return {**verbs.choices}


def say_help() -> int:
    """Print the help of the program with all verbs; return the exit status."""
    from ..program import chat_options  # noqa: PLC0415 - no verb needs it

    parser = chat_options.make_parser()
    add_verbs(parser)
    parser.print_help()
    return 0


class _Verb(Record, frozen=True):
    """The usage of a verb.

    Attributes:
        summary: A short description.
        add: Adds its arguments to its parser; None if it has none.
        json: Whether it can write JSON.
    """

    summary: str
    add: Callable[[VerbParser], None] | None = None
    json: bool = True


def _add_arguments(parser: VerbParser, verb: _Verb) -> None:
    add_session_options(parser)
    if verb.json:
        parser.add_argument("--json", action="store_true", help="write JSON")
    if verb.add is not None:
        verb.add(parser)


def _add(add: argparse.ArgumentParser) -> None:
    _describes_task(add)
    add.add_argument("-p", "--print-id", action="store_true", help="print the id alone")


def _list(status: VerbParser) -> None:
    status.instead = "for one task: backburner show 3"
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
        which.add_argument(f"--{word}", dest="which", action="store_const", const=word)
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


def _one(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("id", type=task_id)


def _several(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("ids", type=task_id, nargs="+", metavar="ID")


def _log(log: argparse.ArgumentParser) -> None:
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


def _wait(wait: argparse.ArgumentParser) -> None:
    wait.add_argument("ids", type=task_id, nargs="*", metavar="ID")
    wait.add_argument("--any", action="store_true", help="until one of them ends")
    wait.add_argument(
        "--timeout",
        type=seconds,
        metavar="S",
        default=math.inf,
        help="wait at most this many seconds",
    )


def _cancel(cancel: argparse.ArgumentParser) -> None:
    _several(cancel)
    cancel.add_argument("--now", action="store_true", help="kill running ones at once")


def _kill(kill: argparse.ArgumentParser) -> None:
    kill.add_argument(
        "-s",
        "--signal",
        type=signal_number,
        default=signal.SIGKILL,
        help="a name such as TERM, or a number (default: KILL)",
    )
    _several(kill)


def _send(send: argparse.ArgumentParser) -> None:
    send.add_argument(
        "-n", "--no-newline", action="store_true", help="without the end of the line"
    )
    send.add_argument("--end", action="store_true", help="then the end of its input")
    send.add_argument("id", type=task_id)
    send.add_argument("text", nargs="*", metavar="TEXT", default=[])


def _rerun(rerun: argparse.ArgumentParser) -> None:
    _confirms(rerun)
    _several(rerun)


def _trust(trust: argparse.ArgumentParser) -> None:
    trust.add_argument("file", type=Path, nargs="?", metavar="FILE")


def _confirms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes",
        dest="asked",
        action="store_const",
        const=Asked(confirmed=True),
        help="run it without asking for confirmation",
    )


def _export(export: argparse.ArgumentParser) -> None:
    export.add_argument("--force", action="store_true", help="replace an existing file")
    export.add_argument(
        "file", nargs="?", metavar="FILE", help="a report if it ends with .html or .md"
    )


def _parallel(parallel: argparse.ArgumentParser) -> None:
    parallel.add_argument(
        "slots", type=slots, nargs="?", metavar="N", help="1 to 1000000, or default"
    )


def _pause(pause: argparse.ArgumentParser) -> None:
    pause.add_argument("ids", type=task_id, nargs="*", metavar="ID")
    whose = pause.add_mutually_exclusive_group()
    whose.add_argument("-g", "--group", metavar="NAME", help="of one group alone")
    whose.add_argument("--schedule", type=count, metavar="ID", help="one schedule")


def _drain(drain: argparse.ArgumentParser) -> None:
    drain.add_argument("-g", "--group", metavar="NAME", help="of one group alone")


def _group(group: argparse.ArgumentParser) -> None:
    group.add_argument("name", nargs="?", metavar="NAME")
    group.add_argument("--parallel", type=group_slots, metavar="N", help="0: no limit")
    group.add_argument(
        "--pause-on-failure",
        choices=("on", "off"),
        help="start no more tasks when one fails",
    )


def _edit(edit: argparse.ArgumentParser) -> None:
    edit.add_argument("-l", "--label", metavar="TEXT", help="its new description")
    _confirms(edit)
    _one(edit)
    words = edit.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="CMD", help="the new command"
    )
    words.required = False


def _rename(rename: argparse.ArgumentParser) -> None:
    _one(rename)
    rename.add_argument("text", nargs="+", metavar="TEXT")


def _cluster(cluster: argparse.ArgumentParser) -> None:
    cluster.add_argument(
        "--address", metavar="HOST:PORT", default="", help="the head of the cluster"
    )


def _unschedule(unschedule: argparse.ArgumentParser) -> None:
    unschedule.add_argument("ids", type=count, nargs="+", metavar="ID")


def _move(move: argparse.ArgumentParser) -> None:
    _one(move)
    move.add_argument("place", choices=("first", "last", "before"))
    move.add_argument("other", type=task_id, nargs="?", metavar="ID")


def _host(host: argparse.ArgumentParser) -> None:
    host.add_argument("action", choices=_HOST_ACTIONS)
    host.add_argument("--force", action="store_true", help="even if tasks are running")


def _completions(completions: argparse.ArgumentParser) -> None:
    completions.add_argument("shell", choices=SHELLS)


def _describes_task(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-w", "--workdir", type=folder, metavar="DIR", help="where it runs"
    )
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
        parser.add_argument(
            *filter(None, (option.name, option.short)),
            metavar=option.value,
            nargs=None if option.value else 0,
            help=option.summary,
            action=_AddTerm,
            dest="asked",
        )
    parser.add_argument("words", nargs="*", metavar="CMD", help="the command")


class _AddTerm(argparse.Action):
    """Adds the value of an option to the terms of a new task."""

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
            # Other clients add tasks too, so the last task is not well-defined.
            text = "give the ids of the tasks, such as 3 or 3,5"
            raise argparse.ArgumentError(self, text)


_VERBS: Final = {
    "add": _Verb(
        "add a task: one argument is a command line, several are quoted", _add
    ),
    "run": _Verb(
        "add a task, show its output, exit with its status", _describes_task, json=False
    ),
    "status": _Verb("list tasks; by default all except canceled ones", _list),
    "list": _Verb("list tasks; by default all except canceled ones", _list),
    "show": _Verb("show the details of a task", _one),
    "log": _Verb("show the output of a task", _log),
    "wait": _Verb("wait for tasks; by default for all open ones", _wait),
    "cancel": _Verb("cancel tasks", _cancel),
    "kill": _Verb("send a signal to a running task's processes", _kill, json=False),
    "rerun": _Verb("add tasks again, with the same request", _rerun),
    "attach": _Verb(
        "use the terminal of a task here; Ctrl+] returns", _one, json=False
    ),
    "send": _Verb("send a line or standard input to a task", _send, json=False),
    "parallel": _Verb(
        "set how many tasks run at a time; without N, show it", _parallel
    ),
    "pause": _Verb(
        "pause tasks, a group or a schedule; by default, everything", _pause
    ),
    "resume": _Verb("continue after pause or drain", _pause),
    "drain": _Verb("start no more tasks; running ones finish", _drain),
    "group": _Verb(
        "set how many tasks of a group run at a time, or show the groups", _group
    ),
    "edit": _Verb("change a queued task, in $EDITOR or to a new command", _edit),
    "rename": _Verb("change the description of a task", _rename),
    "cluster": _Verb("show the nodes of the cluster and the tasks on them", _cluster),
    "schedules": _Verb("list the schedules, which add --every creates"),
    "unschedule": _Verb("remove schedules; tasks that they added stay", _unschedule),
    "move": _Verb("change the place of a queued task", _move),
    "stash": _Verb("hold queued tasks until enqueue", _several),
    "enqueue": _Verb("release held tasks", _several),
    "stats": _Verb("count finished tasks, and show times by group"),
    "failures": _Verb("list failed tasks with the last lines of their output"),
    "export": _Verb("write all tasks as JSON lines, or a report", _export, json=False),
    "templates": _Verb("list the templates of this directory"),
    "trust": _Verb("trust the template file of a project", _trust),
    "clean": _Verb("forget finished tasks and delete their output"),
    "sessions": _Verb("list the sessions"),
    "host": _Verb("start, stop or inspect the host of the session", _host),
    # Runs without this parser; listed for completion.
    "mcp": _Verb("serve an agent by MCP", add_mcp_options, json=False),
    "end": _Verb("end the session and its running tasks", json=False),
    "completions": _Verb(
        "print the completion script of a shell", _completions, json=False
    ),
}
