"""The options of the chat on the command line, and the settings they result in."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from pathlib import Path

from msgspec.structs import replace

from ...actors.rules.safe_text import safe_line
from .config import Config, default_path, load, use_in_jobs
from .folders import state_folder
from .options import SafeParser, file, folder, session_name
from .surroundings import asks_for_ascii


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options of the chat."""
    # Percent signs are special in help texts.
    default_config = safe_line(str(default_path())).replace("%", "%%")
    parser = SafeParser(
        prog="backburner",
        description="A terminal chat that runs jobs in the background.",
        epilog="`backburner --help` lists the commands. Each has its own --help, as in:"
        " backburner add --help. In the chat, /help lists its commands.",
    )
    parser.add_argument(
        "--plain", action="store_true", help="read and write lines instead of drawing"
    )
    parser.add_argument(
        "--json", action="store_true", help="write one JSON object a line"
    )
    parser.add_argument(
        "--parallel",
        type=_slots,
        metavar="N",
        help="tasks that run at a time (default: 8, or as configured)",
    )
    parser.add_argument(
        "--config",
        type=file,
        metavar="FILE",
        help=f"the configuration (default: {default_config}, if there is one)",
    )
    parser.add_argument(
        "--grace",
        type=_seconds,
        metavar="S",
        help="seconds between SIGTERM and SIGKILL of a task"
        " (default: 5, or as configured)",
    )
    parser.add_argument(
        "--state-dir", type=folder, metavar="DIR", help="where sessions are kept"
    )
    parser.add_argument(
        "--session",
        type=session_name,
        default="main",
        metavar="NAME",
        help="which session to open (default: %(default)s)",
    )
    parser.add_argument(
        "--ephemeral", action="store_true", help="keep nothing of this session"
    )
    parser.add_argument(
        "--host",
        action=argparse.BooleanOptionalAction,
        help="run the session in a process of its own, which keeps running when you"
        " leave (default: yes for a chat, unless the configuration says no)",
    )
    parser.add_argument(
        "-V", "--version", action="store_true", help="show the version and exit"
    )
    return parser


def _slots(text: str) -> int:
    try:
        slots = int(text)
    except ValueError:
        slots = 0
    if slots < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of tasks; use a whole number, 1 or more"
        )
    return slots


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds, 0 or more"
        )
    return seconds


def configuration(options: argparse.Namespace) -> Config:
    """Return the configuration, overridden by options.

    Raises:
        ConfigError: If it is invalid.
    """
    config = load(options.config)
    use_in_jobs(options.config)
    grace = config.grace if options.grace is None else options.grace
    ascii_only = config.ascii or asks_for_ascii(os.environ)
    return replace(config, grace=grace, ascii=ascii_only)


def session_folder(options: argparse.Namespace) -> Path | None:
    """Return the folder of the session; None if it is not to be stored."""
    return None if options.ephemeral else state_of(options) / options.session


def state_of(options: argparse.Namespace) -> Path:
    """Return the folder that contains the sessions."""
    return options.state_dir or Path(state_folder())


def command_again(options: argparse.Namespace) -> str:
    """Return the command that opens this session again."""
    words = [_program()]
    if options.session != "main":
        words += ["--session", options.session]
    if options.state_dir is not None:
        words += ["--state-dir", str(options.state_dir.absolute())]
    if options.config is not None:
        words += ["--config", str(options.config.absolute())]
    return safe_line(shlex.join(words))


def _program() -> str:
    """Return the command that starts this program in a shell."""
    name, given = "backburner", sys.argv[0]
    if not given.endswith(f"/{name}"):
        return name
    found = any(os.access(f"{it}/{name}", os.X_OK) for it in os.get_exec_path())
    return name if found else given
