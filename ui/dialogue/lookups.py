"""Lookups that may block and run outside the faces: processes, files, bash.

A command sends a `LookUp`, and its result comes back as a message.
"""

from __future__ import annotations

import errno
import os
from datetime import datetime
from pathlib import Path
from typing import Final, assert_never

import msgspec

from ...actors import Recipient, Task, TaskFound, TaskStatus
from ...actors.processes import activity
from ...actors.processes.activity import VitalSigns
from ...actors.processes.bounds import Bounds
from ...actors.rules.terms import PLAIN
from .arguments import UsageError
from .exports import SHOWN, Failure, explained, failures_of, write_export
from .names import FindNames, FoundNames, find_names
from .output_search import FindInOutputs, LinesFound, search_outputs
from .shell_blocks import BlockLine, Missing, commands_of
from .task_output import OutputEnd, OutputText, output_end, read_output
from .templates import (
    FindTemplates,
    FoundTemplates,
    TrustProject,
    find_templates,
    trust_here,
)

LONGEST_LIST: Final = 1 << 20
"""Maximum size of a file that lists values, in bytes."""


class LookAtTask(msgspec.Struct, frozen=True):
    """Measure the processes of a task, and read its last output; `at` as by `time`."""

    found: TaskFound
    at: float


class TaskLook(msgspec.Struct, frozen=True):
    """Measurements of a task's processes, and its last output.

    Attributes:
        end: The end of its output.
        silence: Seconds since its last output; 0 if it is not running.
        signs: The measurements of its processes, if it has any.
        limits: The limits that apply to the processes, and what enforces them.
    """

    end: OutputEnd
    silence: float = 0.0
    signs: VitalSigns | None = None
    limits: str = ""


class ReadOutput(msgspec.Struct, frozen=True):
    """Read the output of a task."""

    task: Task


class ReadLines(msgspec.Struct, frozen=True):
    """Read a file that lists values, one a line."""

    path: str


class TextOfFile(msgspec.Struct, frozen=True):
    """The content of a file."""

    text: str


class FindCommands(msgspec.Struct, frozen=True):
    """Split an input into commands; bash decides where a bash command ends."""

    lines: tuple[BlockLine, ...]


class FoundCommands(msgspec.Struct, frozen=True):
    """The commands of an input; see `commands_of`."""

    wanted: FindCommands
    commands: tuple[str, ...] | Missing | None


class DigestOf(msgspec.Struct, frozen=True):
    """Read the last lines of failed tasks."""

    tasks: tuple[Task, ...]


class FailuresFound(msgspec.Struct, frozen=True):
    """The last failed tasks with their last lines; `earlier` counts omitted tasks."""

    failures: tuple[Failure, ...]
    earlier: int = 0


class ExportTasks(msgspec.Struct, frozen=True):
    """Write tasks to a file; see `exports`."""

    path: str
    tasks: tuple[Task, ...]
    now: datetime
    replaces: bool = False


class Written(msgspec.Struct, frozen=True):
    """Something was written; the text says what."""

    text: str


class LookUpFailed(msgspec.Struct, frozen=True):
    """The lookup failed; the text says why, in one line."""

    text: str


Wanted = (
    LookAtTask
    | ReadOutput
    | ReadLines
    | FindNames
    | FindCommands
    | DigestOf
    | ExportTasks
    | FindTemplates
    | TrustProject
    | FindInOutputs
)
"""All lookups."""

Result = (
    TaskLook
    | OutputText
    | TextOfFile
    | FoundNames
    | FoundCommands
    | LookUpFailed
    | FailuresFound
    | Written
    | FoundTemplates
    | LinesFound
)
"""The results of lookups."""


class LookedUp(msgspec.Struct, frozen=True):
    """The result of a `LookUp`, with its number."""

    number: int
    result: Result


class LookUp(msgspec.Struct, frozen=True):
    """Run a lookup. Answer: `LookedUp` with the same number."""

    number: int
    wanted: Wanted
    reply_to: Recipient[LookedUp] | None = None


def look_up(wanted: Wanted) -> Result:
    """Run a lookup. Blocks."""
    match wanted:
        case LookAtTask():
            return look_at_task(wanted)
        case ReadOutput(task=task):
            try:
                return read_output(task)
            except OSError as error:
                what = f"the output of #{task.id}, {task.output_path}"
                return LookUpFailed(f"can't read {what}: {error.strerror}")
        case ReadLines(path=path):
            return _read_lines(path)
        case DigestOf(tasks=tasks):
            earlier = max(0, len(tasks) - SHOWN)
            return FailuresFound(tuple(failures_of(tasks[earlier:])), earlier)
        case ExportTasks(path=path, tasks=tasks, now=now, replaces=replaces):
            try:
                return Written(write_export(path, tasks, now, replaces=replaces))
            except OSError as error:
                return LookUpFailed(explained(error, path))
        case FindNames():
            return find_names(wanted)
        case FindInOutputs():
            return search_outputs(wanted)
        case FindTemplates():
            return find_templates(wanted)
        case TrustProject():
            try:
                return Written(trust_here(wanted))
            except UsageError as error:
                return LookUpFailed(str(error))
        case FindCommands(lines=lines):
            return FoundCommands(wanted, commands_of(lines))
        case _:
            assert_never(wanted)


def _read_lines(path: str) -> TextOfFile | LookUpFailed:
    file = Path(path).expanduser()
    try:
        if not file.is_file():  # a device or pipe may never end
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with file.open("rb") as opened:
            data = opened.read(LONGEST_LIST + 1)
        if len(data) > LONGEST_LIST:
            return LookUpFailed(f"{path} is longer than 1 MiB")
        return TextOfFile(data.decode())
    except OSError as error:
        return LookUpFailed(f"can't read {path}: {error.strerror}")
    except UnicodeDecodeError:
        return LookUpFailed(f"{path} is not valid UTF-8")


def look_at_task(wanted: LookAtTask) -> TaskLook:
    """Measure the processes of a task and read its last output. Blocks."""
    found, at = wanted.found, wanted.at
    task = found.task
    end = output_end(task)
    if task.status is not TaskStatus.RUNNING or task.started_at is None:
        return TaskLook(end)
    if task.is_paused:
        return TaskLook(end)  # idle because it is paused, which needs no measurement
    silence = 0.0
    if task.output_path is not None:
        started_at = task.started_at.timestamp()
        silence = activity.silence(Path(task.output_path), started_at, at)
    if found.pid is None:
        return TaskLook(end, silence)
    signs = activity.look(found.pid, with_memory=True)
    terms = task.terms or PLAIN
    limits = Bounds.seen(terms, found.pid).held if terms.has_limits else ""
    return TaskLook(end, silence, signs, limits)
