"""Reading a command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from ...actors.rules.safe_text import safe_line
from .exit_status import EXIT_USAGE


class SafeParser(argparse.ArgumentParser):
    """Quotes what it was given only after making it safe to show."""

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command line, and exit."""
        advice = f"{self.prog} --help shows how it is used"
        program = self.prog.partition(" ")[0]
        self.exit(EXIT_USAGE, f"{program}: {safe_line(message)}; {advice}\n")


class VerbParser(SafeParser):
    """The parser of one verb: what it does not know, its own help is about."""

    def parse_known_args(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as they are declared
        """Read all arguments; refuse the others, so that none is left to the caller."""
        options, others = super().parse_known_args(*args, **named)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return options, others


def add_session_options(parser: argparse.ArgumentParser) -> None:
    """Add what names a session to the parser of a verb."""
    parser.add_argument("--session", metavar="NAME", help="the session")
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="the folder that contains the sessions",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration file"
    )


def add_mcp_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `backburner mcp`, but for those that name a session."""
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="the name of the agent (default: the name that its program reports)",
    )
