"""The words that begin a command of the command line, and not the chat."""

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
    "move",
    "pause",
    "resume",
    "group",
    "stash",
    "enqueue",
    "edit",
    "rename",
    "schedules",
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
