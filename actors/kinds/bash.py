"""The `bash` kind: a command line, run by bash exactly as it was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .kind import InvalidRequestError
from .process import ProcessKind

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELL: Final = "bash"


class BashKind(ProcessKind):
    """Runs `bash -c COMMAND`."""

    name = "bash"
    usage = "COMMAND"
    summary = "run a command line with bash"

    def check(self, args: tuple[str, ...]) -> None:
        """Accept exactly one argument: the command line.

        Raises:
                InvalidRequestError: If the command is missing, contains a NUL
                    character, or there is more than one argument.
        """
        if len(args) > 1:
            raise InvalidRequestError(
                f"bash takes one argument, the whole command line, not {len(args)}"
            )
        if not args or not args[0].strip():
            raise InvalidRequestError("missing command")
        if "\0" in args[0]:
            raise InvalidRequestError("a command can't hold a NUL character; remove it")

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the arguments that run the command line with bash."""
        (command,) = args
        if command.startswith(("-", "+")):  # bash would parse it as options
            return [SHELL, "-c", "--", command]
        return [SHELL, "-c", command]
