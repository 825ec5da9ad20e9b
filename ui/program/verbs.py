"""The first words that select a verb of the command line instead of the chat."""

from __future__ import annotations

VERBS = (
    "add",
    "run",
    "status",
    "list",
    "show",
    "log",
    "wait",
    "cancel",
    "kill",
    "attach",
    "send",
    "move",
    "pause",
    "drain",
    "resume",
    "group",
    "stash",
    "enqueue",
    "edit",
    "rename",
    "templates",
    "trust",
    "cluster",
    "schedules",
    "stats",
    "failures",
    "export",
    "unschedule",
    "rerun",
    "clean",
    "parallel",
    "sessions",
    "host",
    "mcp",
    "end",
    "completions",
)

_WITH_VALUE = ("--session", "--state-dir", "--config")


def verb_first(arguments: list[str]) -> list[str]:
    """Move the verb of a command line in front of the session options.

    `backburner --session work status` is `backburner status --session work`. A word
    that is not a verb is moved as well, and then rejected.
    """
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if not word.startswith("-"):
            return [word, *arguments[:index], *arguments[index + 1 :]]
        if word in _WITH_VALUE:
            index += 2
        elif word == "--json" or word.partition("=")[0] in _WITH_VALUE:
            index += 1
        else:
            break
    return arguments
