"""The command `backburner mcp`: an MCP server on its standard streams."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

from ..program.exit_status import EXIT_USAGE
from .loop import Loop
from .place import find_place
from .server import Server

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .place import Place
    from .server import Opener
    from .session import AgentSession

_STDIN, _STDOUT, _STDERR = range(3)


def run(arguments: Sequence[str]) -> int:
    """Serve on the standard streams until the client is gone; return the exit status.

    `arguments` are those after `mcp`.
    """
    try:
        if arguments:
            options = make_parser().parse_args(arguments)
            place = find_place(options.session, options.state_dir, options.config)
            name = options.name or ""
        else:
            place, name = find_place(None, None), ""
    except ValueError as error:
        sys.stderr.write(f"backburner: {error}\n")
        return EXIT_USAGE
    # Nothing is lost if these signals end it: all state is in the session.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    source, target = _take_streams()
    loop = Loop()
    opener = _opener(loop, place)
    server = Server(loop, opener, name, source, target, ended=loop.stop)
    gc.freeze()
    try:
        loop.run()
    finally:
        server.leave()
    return 0


def _opener(loop: Loop, place: Place) -> Opener:
    """Return a function that opens the session at a place for an agent."""

    def open_session(name: str) -> AgentSession:
        from .session import origin_of, session_at  # noqa: PLC0415 - not needed at once

        return session_at(loop, place, origin_of(name))

    return open_session


def _take_streams() -> tuple[int, int]:
    """Return descriptors of the client that no other code in this process uses.

    Prints go to standard error, and reads of standard input get an empty file.
    """
    source, target = os.dup(_STDIN), os.dup(_STDOUT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    os.dup2(_STDERR, _STDOUT)
    return source, target


def make_parser() -> argparse.ArgumentParser:
    """Return the parser for the arguments after `mcp`."""
    from ..program.options import SafeParser, add_mcp_options, add_session_options  # noqa: PLC0415 - seldom needed

    parser = SafeParser(
        prog="backburner mcp",
        description="Serve an agent by the Model Context Protocol on standard input and"
        " output. docs/agents.md says how to set it up.",
    )
    add_session_options(parser)
    add_mcp_options(parser)
    return parser
