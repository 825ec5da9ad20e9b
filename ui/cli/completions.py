"""`backburner completions`: the scripts for shells, and what these ask for on Tab.

The scripts in `scripts/` are written by `make docs`.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from ..program.folders import state_folder
from .lean_client import connect, session_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHELLS: Final = ("bash", "zsh", "fish")
"""The shells for which there is a script."""

LIST: Final = "--list"
"""How a script asks for values: `completions --list KIND`, and the words typed."""

_NAMING: Final = {"--session": "session", "--state-dir": "state"}
_STATUSES: Final = {
    "tasks": frozenset({"queued", "running", "complete", "failed", "canceled"}),
    "open": frozenset({"queued", "running"}),
    "queued": frozenset({"queued"}),
    "running": frozenset({"running"}),
}


def complete(arguments: Sequence[str]) -> int | None:
    """Write a script, or values, by what follows `completions`; return the status.

    Returns:
        The exit status; None if they make no sense, or help is asked for.
    """
    if len(arguments) == 1 and arguments[0] in SHELLS:
        from importlib.resources import files  # noqa: PLC0415 - not for values

        script = files("backburner.ui.cli") / "scripts" / f"backburner.{arguments[0]}"
        sys.stdout.write(script.read_text("utf-8"))
        return 0
    if len(arguments) > 1 and arguments[0] == LIST:
        try:
            lines = [*_values(arguments[1], arguments[2:])]
        except (OSError, ValueError, LookupError):
            return 1  # a shell that completes has no use for reasons
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0
    return None


def _values(kind: str, words: Sequence[str]) -> Iterator[str]:
    """Yield values, each with a tab and its meaning where it has one."""
    options: dict[str, Any] = {}
    for word, value in pairwise(words):
        if word == "--":
            break
        if word in _NAMING:
            options[_NAMING[word]] = os.path.expanduser(value)  # noqa: PTH111 - pathlib takes as long to load as all of this
    if kind == "sessions":
        state = state_folder(options.get("state", ""))
        for name in sorted(os.listdir(state)):  # noqa: PTH208 - the same
            if os.path.lexists(f"{state}/{name}/session.db"):
                yield _one_line(name)
    elif kind == "groups":
        found = _ask(options, {"type": "GetRules", "reply_to": 1})
        yield from (_one_line(it["name"]) for it in found["rules"].get("groups", ()))
    elif kind == "schedules":
        found = _ask(options, {"type": "ListSchedules", "reply_to": 1})
        for it in found["schedules"]:
            yield f"{it['id']}\t{_one_line(it['request']['description'])}"
    else:
        found = _ask(options, {"type": "ListTasks", "reply_to": 1})
        for task in reversed(found["tasks"]):
            if task["status"] in _STATUSES[kind]:
                yield f"{task['id']}\t{_one_line(task['description'])}"


def _ask(options: dict[str, Any], request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    folder = session_folder(options)
    client = None if folder is None else connect(folder)
    if client is None:
        raise LookupError("no host")
    try:
        if client.greet({"program": "backburner completions"}, request):
            answer = client.answer()
            if answer is not None:
                return answer
    finally:
        client.close()
    raise LookupError("no answer")


def _one_line(text: str) -> str:
    return "".join(it if it.isprintable() else " " for it in text)
