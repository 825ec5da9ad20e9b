"""The standard streams of the program, which may be closed, full or unread."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = range(3)
_UNSUCCESSFUL: Final = 1
_NAME: Final = "standard output"


class _NamedOutput(io.FileIO):
    """Standard output with a name in its errors, like those of files."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = _NAME
            raise


def hold_standard_streams() -> None:
    """Open standard streams that were closed, as `/dev/null`.

    Otherwise the next opened file would get the descriptor: the journal would be read
    as commands, or get text for people.
    """
    for fd in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets this number, the lowest free one
    # Python has no objects for those that were closed.
    sys.stdin = sys.stdin or os.fdopen(_STDIN, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)


def name_standard_output() -> None:
    """Make errors of standard output differ from those of files and sockets."""
    held = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_NamedOutput(_STDOUT, "wb", closefd=False)),
        encoding=held.encoding,
        errors=held.errors,
        line_buffering=held.isatty(),
    )


def flushed(status: int) -> int:
    """Flush standard output; return `status` if that succeeds."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return say_refused(error) if status == 0 else status
    return status


def say_refused(error: OSError) -> int:
    """Report in one line why the system failed an operation; return the exit status.

    An unread standard output, as after `| head`, is not reported. The notes of the
    error are: they say which changes were made nevertheless.
    """
    done = [f"done nevertheless: {it}" for it in getattr(error, "__notes__", ())]
    is_unread = False
    if error.filename == _NAME:
        # Python must not flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
        is_unread = isinstance(error, BrokenPipeError)
    if is_unread and not done:
        return _UNSUCCESSFUL
    from ...actors.rules.safe_text import safe_line  # noqa: PLC0415 - seldom needed

    what = "" if error.filename is None else f"can't use {error.filename}: "
    text = "; ".join((f"{what}{error.strerror or error}", *done))
    sys.stderr.write(f"backburner: {safe_line(text)}\n")
    return _UNSUCCESSFUL


def say_version() -> int:
    """Print the version of the program; return the exit status."""
    from ...actors.host.version import program_version  # noqa: PLC0415 - seldom needed

    name_standard_output()
    try:
        sys.stdout.write(f"backburner {program_version()}\n")
    except OSError as error:
        return say_refused(error)
    return flushed(0)
