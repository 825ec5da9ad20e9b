"""One call of the command line: what was asked for, and what it writes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from ...actors.rules.safe_text import safe_json, safe_line
from ..text.theme import Icons, icons_for

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ...actors import Task
    from ...actors.host.settings import HostSettings


class UsageError(Exception):
    """The command makes no sense; the text says why and what to do."""


def complain(text: str, status: int) -> int:
    """Write an error; return the exit status."""
    sys.stderr.write(f"backburner: {safe_line(text)}\n")
    return status


class Call:
    """A verb with its options.

    Args:
        options: What the parser made of the command line.
        state: The folder of all sessions.
        settings: Of the session that it is about.
    """

    def __init__(
        self, options: argparse.Namespace, state: Path, settings: HostSettings
    ) -> None:
        self.options = options
        self.state = state
        self.settings = settings
        self.as_json: bool = getattr(options, "json", False)
        self.icons: Icons = icons_for(sys.stdout.encoding)

    @staticmethod
    def say(*lines: str) -> None:
        """Write lines to standard output."""
        encoding = sys.stdout.encoding or "utf-8"
        for line in lines:
            text = line.encode(encoding, "backslashreplace").decode(encoding)
            sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def say_json(self, value: object) -> None:
        """Write a value as one line of JSON."""
        self.say(safe_json(msgspec.json.encode(value).decode()))

    def say_tasks(self, tasks: list[Task]) -> None:
        """Write tasks, each with why it is where it is."""
        if self.as_json:
            self.say_json(tasks)
        else:
            self.say(*(f"#{task.id} {safe_line(task.reason)}" for task in tasks))
