"""The standard streams of the program, which may be closed, full or read by nobody."""

from __future__ import annotations

import os
import sys
from typing import Final

_STDIN, _STDOUT, _STDERR = range(3)
_UNSUCCESSFUL: Final = 1


def hold_standard_streams() -> None:
    """Open the standard streams that were closed, on nothing.

    One that was closed would become the number of the next file that is opened: the
    journal would be read as commands, or get what is meant for people.
    """
    for fd in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
    # Python has none for those that were closed.
    sys.stdin = sys.stdin or os.fdopen(_STDIN, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)


def flushed(status: int) -> int:
    """Write out what waits to be written; return the exit status.

    Args:
        status: What it is if that succeeds.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        return cant_write(error) if status == 0 else status
    return status


def cant_write(error: OSError) -> int:
    """Say why nothing more can be written to standard output; return the exit status.

    Nothing is said if nobody reads any more, as after `| head`.
    """
    # Python must not try again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
    if not isinstance(error, BrokenPipeError):
        text = f"backburner: can't write to standard output: {error.strerror}\n"
        sys.stderr.write(text)
    return _UNSUCCESSFUL
