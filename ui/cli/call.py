"""One call of the command line: what was asked for, and what it writes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from ...actors.rules.safe_text import brief, safe_json, safe_line
from ..program.policy import matching
from ..text.theme import Icons, icons_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from pathlib import Path

    from ...actors import Task
    from ...actors.host.settings import HostSettings
    from ..dialogue.templates import Templates


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
        confirm: Patterns of commands that have to be confirmed.
        templates: The templates there are, but for those of the project; None for a
            verb that runs none.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        state: Path,
        settings: HostSettings,
        confirm: tuple[str, ...] = (),
        templates: Templates | None = None,
    ) -> None:
        self._confirm = confirm
        self.templates = templates
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

    def confirm(self, commands: Iterable[str], what: str = "added") -> None:
        """Have a person confirm commands that the configuration wants confirmed.

        Blocks until it is answered.

        Args:
            commands: Command lines.
            what: What is not done before.

        Raises:
            UsageError: If one is not confirmed, or nobody can be asked.
        """
        asked = getattr(self.options, "asked", None)
        if not self._confirm or (asked is not None and asked.confirmed):
            return
        for command in commands:
            pattern = matching(self._confirm, command)
            if pattern is None:
                continue
            wanted = f"not {what}: commands like {brief(pattern)} have to be confirmed"
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise UsageError(f"{wanted}; add --yes if you mean it")
            shown = safe_line(command)
            sys.stderr.write(f"backburner: run this? {shown}\n[y/N] ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
                raise UsageError(wanted)
