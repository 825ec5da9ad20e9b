"""`backburner completions`: scripts for shells, and the values that they request.

`make docs` writes the scripts in `scripts/`.
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
"""The shells with a completion script."""

LIST: Final = "--list"
"""The option by which a script requests values: `--list KIND`, then the words."""

_NAMING: Final = {"--session": "session", "--state-dir": "state"}
_STATUSES: Final = {
    "tasks": frozenset({"queued", "running", "complete", "failed", "canceled"}),
    "open": frozenset({"queued", "running"}),
    "queued": frozenset({"queued"}),
    "running": frozenset({"running"}),
}


def complete(arguments: Sequence[str]) -> int | None:
    """Write a script, or values, for the arguments of `completions`.

    Returns:
        The exit status; None if the arguments are invalid, or ask for help.
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
            return 1  # a completing shell can't show errors
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0
    return None


def _values(kind: str, words: Sequence[str]) -> Iterator[str]:
    """Yield values, each followed by a tab and its description if it has one."""
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
