"""Starts a process in its own session, with its output in a file.

Uses the C library's `posix_spawn`; where the library lacks functions (glibc has them
since 2.34), uses `subprocess`.
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
    """Raise if the output file to be created exists.

    The start checks this as well; this function is for callers that must know before.

    Raises:
        FileExistsError: If it exists.
    """
    # If it can't be checked, the error of the start is clear.
    if os.access(output, os.F_OK, follow_symlinks=False):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(output))


@functools.cache
def best() -> Spawn:
    """Return the best implementation for this system."""
    try:
        return PosixSpawn()
    except (AttributeError, OSError):
        return PopenSpawn()


def _open_existing(output: str | os.PathLike[str]) -> int | None:
    """Open the output file of an earlier attempt; None if there is none.

    Raises:
        OSError: If it can't be opened, or was replaced by something else.
    """
    try:
        return open_own(Path(output), os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return None


def open_output(output: str | os.PathLike[str], *, goes_on: bool) -> tuple[int, bool]:
    """Open the file for a task's output, to append to it.

    Args:
        output: The path; created with mode 0600.
        goes_on: Whether it may exist, from an earlier attempt of the task.

    Returns:
        Its descriptor, and whether it existed.

    Raises:
        OSError: If it can't be created, or is something else.
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
    """Start a process with the best implementation.

    Args:
        argv: See `Spawn`.
        environment: See `Spawn`.
        output: The file that takes stdout and stderr; created with mode 0600. An
            existing file belongs to another task or is unknown, so it is an error.
        directory: See `Spawn`.
        goes_on: Whether an existing file belongs to the same task, and is appended to.
        channel: Its input, and its terminal; by default its input is empty.

    Raises:
        OSError: If the output file can't be created or the program can't be started;
            `filename` says which.
        ValueError: If an argument contains a null character.
    """
    way = best()
    if way.makes_output and channel is None and not goes_on:
        return way(argv, environment, os.fspath(output), directory)
    # First the step that may be slow: after a kill, an existing output file counts as
    # proof that the task was started.
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
