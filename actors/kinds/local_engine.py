"""Starts processes on this machine, and explains errors of a start."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..own_files import NotOwnError, check_file
from ..processes.bounds import Bounds
from ..processes.child import ChildProcess
from ..rules.shortage import WAITS_FOR
from .kind import ShortageError, StartError
from .process_job import ProcessJob

if TYPE_CHECKING:
    from .engine import Command
    from .kind import JobContext


def _bounds_for(context: JobContext) -> Bounds | None:
    """Return the limits of a task about to start; None for most."""
    terms, attempt = context.task.terms, context.task.attempt
    if terms is None or not terms.has_limits:
        return None
    return Bounds.made(terms, context.mark, 1 if attempt is None else attempt.number)


class LocalEngine:
    """Runs jobs as processes of this machine, each immediately."""

    name = ""
    slots = 0

    def start(self, command: Command, context: JobContext) -> ProcessJob:
        """Start the process; see `Engine`."""
        output = context.task.output_path
        if output is None:
            raise StartError("a process needs an output file")
        argv, directory = command.argv, command.directory
        try:
            environment = command.environment
            bounds = _bounds_for(context)
            with context.channels.opened(context.task) as channel:
                if channel is not None:
                    environment = channel.prepare(environment)
                child = ChildProcess(
                    argv,
                    environment,
                    output,
                    directory,
                    goes_on=context.task.attempt is not None,
                    channel=channel,
                    bounds=bounds,
                    notes=context.notes,
                )
        except OSError as error:
            raise start_error(error, argv[0], output, directory) from error
        except ValueError as error:
            raise StartError(f"can't start {argv[0]}: {error}") from error
        return ProcessJob(child, context, channel, bounds)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


LOCAL: Final = LocalEngine()
"""The engine of jobs that name no engine."""


def start_error(
    error: OSError, program: str, output: str = "", directory: str = ""
) -> ShortageError | StartError:
    """Return the exception that an error of a start means for its task."""
    if (waits_for := WAITS_FOR.get(error.errno or 0)) is not None:
        return ShortageError(waits_for)
    text = directory and _problem_of(directory)
    if not text and error.errno == errno.EEXIST:
        text = _problem_in_place_of(Path(output))
    return StartError(text or _explain(error, program, output))


def _problem_of(directory: str) -> str:
    """Return why no process can start in a directory; empty if one can."""
    try:
        is_directory = stat.S_ISDIR(os.stat(directory).st_mode)  # noqa: PTH116
    except FileNotFoundError:
        return f"its directory {directory} does not exist; make it, and run it again"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"its directory {directory} can't be used: {why}"
    if not is_directory:
        return f"its directory {directory} is not a directory"
    if not os.access(directory, os.X_OK):
        return f"its directory {directory} can't be used: Permission denied"
    return ""


def _problem_in_place_of(output: Path) -> str:
    """Return what blocks the path of the output, unless it is a file of this user."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = output.lstat()
        try:
            if not stat.S_ISDIR(found.st_mode):  # the error of opening it is clear
                check_file(found, output)
        except NotOwnError as error:
            return f"can't write its output file {output}: {error.strerror}"
    return ""


def _explain(error: OSError, program: str, output: str) -> str:
    why = error.strerror or str(error)
    if error.errno == errno.EEXIST and str(error.filename) == output:
        return f"can't write its output file {output}: it exists already; move it away"
    if str(error.filename) == output:
        return f"can't write its output file {output}: {why}"
    if error.errno == errno.E2BIG:
        return (
            f"can't start {program}: the command, or a variable of its environment, is"
            " too long; put it into a file"
        )
    if error.errno == errno.ENOENT and error.filename == program:
        return f"{program}: not found; install it, or put it on the PATH"
    return f"can't start {error.filename or program}: {why}"
