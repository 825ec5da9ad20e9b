"""The entry point; loaded without the garbage collector."""

from __future__ import annotations

import gc
import sys

from .program.streams import (
    flushed,
    hold_standard_streams,
    name_standard_output,
    say_refused,
    say_version,
)
from .program.verbs import VERBS, verb_first


def main() -> int:
    """Run the program and return its exit status; see `main.main` and `cli`."""
    hold_standard_streams()
    arguments = verb_first(sys.argv[1:])
    if arguments[:1] == ["help"]:
        verb = [it for it in arguments[1:2] if not it.startswith("-")]
        arguments = [*verb, "--help"]
    if arguments in (["--version"], ["-V"]):
        return say_version()
    if arguments in (["--help"], ["-h"]) or (arguments and arguments[0] in VERBS):
        name_standard_output()
        try:
            return flushed(_carry_out(arguments))
        except OSError as error:
            return say_refused(error)
    if arguments and not arguments[0].startswith("-"):
        from .cli.unknown import say_unknown  # noqa: PLC0415 - seldom needed

        return say_unknown(arguments[0])
    from .cli.lean_chat import start_host_early  # noqa: PLC0415 - not for a verb

    start_host_early(arguments)
    # Loaded modules stay: collecting garbage again and again while they load takes a
    # twentieth of a start and finds nothing. They are excluded later as well: see
    # `collect`.
    gc.disable()
    from . import main as app  # noqa: PLC0415

    return app.main(arguments)


def _carry_out(arguments: list[str]) -> int:
    """Run a verb, or print the help; the most frequent verb loads the least."""
    if arguments[0].startswith("-"):
        from .cli.parser import say_help  # noqa: PLC0415 - seldom needed

        return say_help()
    if arguments[0] == "mcp":
        # Its client waits for the start, and runs one for each of its windows.
        gc.disable()
        if arguments[1:2] == ["--relay"]:
            from .agents.relay import run as relay  # noqa: PLC0415 - the reason for it

            return relay(arguments[2:])
        from .agents.run import run as serve  # noqa: PLC0415 - the same

        gc.enable()
        return serve(arguments[1:])
    if arguments[0] == "add":
        from .cli.lean_add import try_add  # noqa: PLC0415 - the reason for it

        status = try_add(arguments[1:])
        if status is not None:
            return status
    if arguments[0] == "completions":
        from .cli.completions import complete  # noqa: PLC0415 - the same

        status = complete(arguments[1:])
        if status is not None:
            return status
    gc.disable()
    from .cli.run import run  # noqa: PLC0415 - most starts need none of it

    gc.freeze()
    gc.enable()
    return run(arguments)
