"""The protocol of functions that start a process, and their common helpers."""

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
# Input is read as UTF-8 in every locale, so it is passed on as UTF-8.
_CODING: Final = ("utf-8", "surrogateescape")


class Ends(NamedTuple):
    """The input of a process, if it is not empty.

    Attributes:
        stdin: The descriptor that it reads from, above the standard streams; -1 if
            none.
        terminal: The path of its controlling terminal, in place of all three standard
            streams; empty if none.
    """

    stdin: int = -1
    terminal: str = ""


NOTHING: Final = Ends()
"""An empty input."""


class Spawn(Protocol):
    """Starts a process.

    Attributes:
        makes_output: Whether the new process itself creates its output file. Then the
            existence of the file proves that there was a process.
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

        The process leads its own session, and so its own process group. It inherits no
        other files. No signal is blocked or ignored, even if this process or the
        calling thread blocks or ignores some. Only the caller may reap it.

        Args:
            argv: Program and arguments, passed on in UTF-8; the program is searched on
                the PATH of `environment`.
            environment: All its environment variables.
            output: The descriptor of an open file that takes stdout and stderr; or, if
                `makes_output`, the path of a file that does not exist yet.
            directory: The working directory; None for the current directory.
            ends: Its input, if it is not empty.

        Raises:
            OSError: If the output file can't be written or the program can't be
                started; `filename` says which.
            ValueError: If an argument contains a null character.
        """
        ...


def encoded(argv: Sequence[str]) -> list[bytes]:
    """Return program and arguments encoded for a new process."""
    return [argument.encode(*_CODING) for argument in argv]


@functools.lru_cache(maxsize=64)
def locate(program: str, path: str) -> bytes:
    """Find a program on the PATH; the result is cached.

    Otherwise the C library would search the PATH in each new process.
    """
    if "/" in program:
        return os.fsencode(program)
    for folder in path.split(os.pathsep) if path else ():
        found = os.path.join(folder, program)  # noqa: PTH118 - a text
        if os.access(found, os.X_OK) and not os.path.isdir(found):  # noqa: PTH112
            return os.fsencode(found)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def check_program(program: str, environment: Environment) -> None:
    """Check that a program exists which another program will start.

    Raises:
        OSError: If it is not found, or can't be run; `filename` is `program`.
    """
    path = os.fsdecode(locate(program, environment.get("PATH", os.defpath)))
    if not os.access(path, os.X_OK):
        number = errno.EACCES if os.path.lexists(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), program)


def remove_output(output: str) -> None:
    """Remove the output file of a process that ran no program: it is created again."""
    with contextlib.suppress(OSError):
        os.unlink(output)  # noqa: PTH108 - mostly a text
