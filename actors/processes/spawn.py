"""Starting a process in a session of its own, its output in a file.

The C library's `posix_spawn` does it; where the library lacks what is needed (glibc has
it since 2.34), `subprocess` does.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..own_files import open_own
from .popen_spawn import PopenSpawn
from .posix_spawn import PosixSpawn
from .spawn_protocol import (
    OUTPUT_FLAGS,
    OUTPUT_MODE,
    Ends,
    Spawn,
    locate,
    remove_output,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .channel import Channel
    from .environment import Environment


def refuse_existing(output: str | os.PathLike[str]) -> None:
    """Raise if something is in the place of an output file that is to be made.

    The start does so as well; this is for who must know before.

    Raises:
        FileExistsError: If there is something.
    """
    # What can't be looked at: the start says what is wrong.
    if os.access(output, os.F_OK, follow_symlinks=False):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(output))


@functools.cache
def best() -> Spawn:
    """Return the best way that this system has."""
    try:
        return PosixSpawn()
    except (AttributeError, OSError):
        return PopenSpawn()


def _open_existing(output: str | os.PathLike[str]) -> int | None:
    """Open the output file of an earlier attempt; None if there is none.

    Raises:
        OSError: If it can't be opened, or something else has taken its place.
    """
    try:
        return open_own(Path(output), os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return None


def open_output(output: str | os.PathLike[str], *, goes_on: bool) -> tuple[int, bool]:
    """Open the file for a task's output, to append to it.

    Args:
        output: Where; made with mode 0600.
        goes_on: Whether it may be there, from an earlier attempt of the same task.

    Returns:
        Its descriptor, and whether it was there.

    Raises:
        OSError: If it can't be made, or is something else.
    """
    fd = _open_existing(output) if goes_on else None
    if fd is not None:
        return fd, True
    return os.open(output, OUTPUT_FLAGS | os.O_CLOEXEC, OUTPUT_MODE), False


def spawn(  # noqa: PLR0913 - each is one independent thing
    argv: Sequence[str],
    environment: Environment,
    output: str | os.PathLike[str],
    directory: str | os.PathLike[str] | None = None,
    *,
    goes_on: bool = False,
    channel: Channel | None = None,
) -> int:
    """Start a process in the best way.

    Args:
        argv: See `Spawn`.
        environment: The same.
        output: The file that takes stdout and stderr; made with mode 0600. What is
            there already is another task's, or nobody knows whose, and is left alone.
        directory: See `Spawn`.
        goes_on: Whether what is there is of the same task, which goes on in it.
        channel: What it reads from, and its terminal; by default its input is empty.

    Raises:
        OSError: If the output file can't be made or the program can't be started;
            `filename` says which.
        ValueError: If an argument contains a null character.
    """
    way = best()
    if way.makes_output and channel is None and not goes_on:
        return way(argv, environment, os.fspath(output), directory)
    # First what may take a while: a task with an output file has been started, as far
    # as anybody knows who finds it after a kill.
    with contextlib.suppress(OSError, ValueError):
        locate(argv[0], environment.get("PATH", os.defpath))
    fd, exists = open_output(output, goes_on=goes_on)
    try:
        if channel is None:
            return way(argv, environment, fd, directory)
        if channel.terminal:
            channel.output = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        ends = Ends(channel.stdin, channel.terminal)
        return way(argv, environment, fd, directory, ends)
    except BaseException:
        if not exists:
            remove_output(os.fspath(output))
        raise
    finally:
        os.close(fd)
