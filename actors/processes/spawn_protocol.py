"""What a way to start a process offers, and what the ways share."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .environment import Environment

OUTPUT_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
OUTPUT_MODE: Final = 0o600
# What is typed is read as UTF-8 in every locale; so it is passed on as that.
_CODING: Final = ("utf-8", "surrogateescape")


class Ends(NamedTuple):
    """What a process has in place of an empty input.

    Attributes:
        stdin: The descriptor of what it reads from, above the standard streams; -1 for
            none.
        terminal: The path of a terminal that it controls, in place of all three
            standard streams; empty for none.
    """

    stdin: int = -1
    terminal: str = ""


NOTHING: Final = Ends()
"""An empty input."""


class Spawn(Protocol):
    """A way to start a process.

    Attributes:
        makes_output: Whether the new process itself makes its output file. Then there
            is one only if there has been such a process.
    """

    makes_output: bool

    def __call__(
        self,
        argv: Sequence[str],
        environment: Environment,
        output: int | str,
        directory: str | os.PathLike[str] | None,
        ends: Ends = NOTHING,
    ) -> int:
        """Start a process and return its id. Blocks until its program is loaded.

        It leads a session, and with that a process group, of its own. It inherits
        no other file. No signal is blocked or ignored, even if this process or the
        calling thread blocks or ignores some. Nothing but the caller collects it.

        Args:
            argv: Program and arguments, passed on in UTF-8; the program is found on
                the PATH of `environment`.
            environment: All its environment variables.
            output: The descriptor of an open file that takes stdout and stderr; or the
                path of one that does not exist yet, if `makes_output`.
            directory: Where it starts; None for the current directory.
            ends: What it has in place of an empty input.

        Raises:
            OSError: If the output file can't be written or the program can't be
                started; `filename` says which.
            ValueError: If an argument contains a null character.
        """
        ...


def encoded(argv: Sequence[str]) -> list[bytes]:
    """Return program and arguments as they are passed on."""
    return [argument.encode(*_CODING) for argument in argv]


@functools.lru_cache(maxsize=64)
def locate(program: str, path: str) -> bytes:
    """Find a program as shells do: once, and not again for every start.

    The C library would have each new process look through the folders of the PATH.
    """
    if "/" in program:
        return os.fsencode(program)
    for folder in path.split(os.pathsep) if path else ():
        found = os.path.join(folder, program)  # noqa: PTH118 - a text
        if os.access(found, os.X_OK) and not os.path.isdir(found):  # noqa: PTH112
            return os.fsencode(found)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def check_program(program: str, environment: Environment) -> None:
    """Make sure that a program is there that something else will start.

    Raises:
        OSError: If it is not found, or can't be run; `filename` is `program`.
    """
    path = os.fsdecode(locate(program, environment.get("PATH", os.defpath)))
    if not os.access(path, os.X_OK):
        number = errno.EACCES if os.path.lexists(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), program)


def remove_output(output: str) -> None:
    """Remove the output file of a process that ran no program: it is made again."""
    with contextlib.suppress(OSError):
        os.unlink(output)  # noqa: PTH108 - mostly a text
