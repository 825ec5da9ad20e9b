"""One call of the command line: its options, and its output."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from ...actors import RefusalCode, RefusedError
from ...actors.rules.safe_text import brief, safe_json, safe_line
from ..program.exit_status import EXIT_UNSUCCESSFUL, EXIT_USAGE
from ..program.policy import matching
from ..program.surroundings import asks_for_ascii
from ..text.theme import Icons, icons_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ...actors import Task
    from ...actors.host.settings import HostSettings
    from ..dialogue.templates import Templates


_Changed = TypeVar("_Changed")

_HINTS: Final = {
    RefusalCode.UNKNOWN: "; `backburner status --all` lists all tasks",
    RefusalCode.FINISHED: "; `backburner show` tells more",
}


class UsageError(Exception):
    """The command is invalid; the text says why and what to do."""


def complain(text: str, status: int) -> int:
    """Print an error; return the exit status."""
    sys.stderr.write(f"backburner: {safe_line(text)}\n")
    return status


def complain_refused(error: RefusedError) -> int:
    """Print why a session refused a request; return the exit status."""
    hint = _HINTS.get(error.code, "")
    if error.code is RefusalCode.UNKNOWN and str(error).startswith("no schedule"):
        hint = "; `backburner schedules` lists all schedules"
    invalid = error.code is RefusalCode.INVALID
    return complain(f"{error}{hint}", EXIT_USAGE if invalid else EXIT_UNSUCCESSFUL)


def try_each(
    ids: Iterable[int], change: Callable[[int], _Changed]
) -> tuple[list[_Changed], int]:
    """Change several ids; return the results and the exit status.

    Prints which ids were refused, and why; a refusal does not affect the other ids.
    """
    done: list[_Changed] = []
    status = 0
    for number in ids:
        try:
            done.append(change(number))
        except RefusedError as error:
            status = max(status, complain_refused(error))
    return done, status


class Call:
    """A verb with its options; has templates only if the verb can run some."""

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
        self.icons: Icons = icons_for(
            "ascii" if asks_for_ascii(os.environ) else sys.stdout.encoding
        )

    @property
    def where(self) -> str:
        """The given options that select the session, for commands that are shown."""
        given = {
            "--session": self.options.session,
            "--state-dir": self.options.state_dir and self.options.state_dir.absolute(),
        }
        words = [w for it, value in given.items() if value for w in (it, str(value))]
        return safe_line(f" {shlex.join(words)}") if words else ""

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

    def show(self, value: object, lines: Callable[[], Iterable[str]]) -> None:
        """Write a value for `--json`, or lines for people."""
        if self.as_json:
            self.say_json(value)
        else:
            self.say(*lines())

    def say_done(self, value: object, *lines: str, brief: Iterable[str] = ()) -> None:
        """Write the result of a change.

        Args:
            value: For `--json`.
            lines: For people; also written to standard error if standard output fails.
            brief: For `--print-id`.
        """
        try:
            if self.as_json:
                self.say_json(value)
            elif getattr(self.options, "print_id", False):
                self.say(*brief)
            else:
                self.say(*lines)
        except OSError as error:
            error.add_note(", ".join(lines))
            raise

    def change_each(self, ids: Iterable[int], change: Callable[[int], Task]) -> int:
        """Change tasks, and write each with its reason; return the exit status."""
        changed, status = try_each(ids, change)
        if changed or self.as_json:
            lines = (f"#{task.id} {safe_line(task.reason)}" for task in changed)
            self.say_done(changed, *lines)
        return status

    def confirm(self, commands: Iterable[str], what: str = "added") -> None:
        """Ask a person to confirm commands that match the configuration's `confirm`.

        Blocks until there is an answer.

        Args:
            commands: Command lines.
            what: The action that needs the confirmation, as a participle.

        Raises:
            UsageError: If a command is not confirmed, or there is no person to ask.
        """
        asked = getattr(self.options, "asked", None)
        if not self._confirm or (asked is not None and asked.confirmed):
            return
        for command in commands:
            pattern = matching(self._confirm, command)
            if pattern is None:
                continue
            wanted = f"not {what}: commands like {brief(pattern)} need confirmation"
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise UsageError(f"{wanted}; add --yes if you mean it")
            shown = safe_line(command)
            sys.stderr.write(f"backburner: run this? {shown}\n[y/N] ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
                raise UsageError(wanted)
