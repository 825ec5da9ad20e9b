"""Read the output of a task from its file, and format it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.processes.output_file import read_tail
from ...actors.rules.safe_text import safe_line, safe_lines, size_text

if TYPE_CHECKING:
    from ...actors import Task

LAST_LINES: Final = 20
"""Number of lines of output that `/show` adds."""

SHOW_LIMIT: Final = 1 << 16
"""Bytes at the end of the output that `/show` reads for these lines."""

OUTPUT_LIMIT: Final = 1 << 20
"""Maximum bytes of output that `/output` shows; the file has all output."""


class OutputEnd(msgspec.Struct, frozen=True):
    """The end of a task's output.

    Attributes:
        fact: The place and size of the output, or why it can't be read; None if there
            is none.
        lines: The last lines, safe to show.
    """

    fact: str | None
    lines: tuple[str, ...] = ()


class OutputText(msgspec.Struct, frozen=True):
    """The lines at the end of an output, safe to show, and the bytes before them."""

    skipped: int
    lines: tuple[str, ...]


def output_end(task: Task) -> OutputEnd:
    """Read the end of a task's output. Blocks."""
    return OutputEnd(_output_fact(task), tuple(_last_lines(task)))


def _output_fact(task: Task) -> str | None:
    if task.output_path is None:
        return None
    try:
        size = Path(task.output_path).lstat().st_size
    except FileNotFoundError:
        # The file may not exist before the first output.
        return f"{task.output_path} is gone" if task.output_size else None
    except OSError as error:
        return f"{task.output_path} can't be read: {error.strerror}"
    return f"{task.output_path} ({size_text(size)})"


def _last_lines(task: Task) -> list[str]:
    if task.output_path is None:
        return []
    try:
        tail, start = read_tail(Path(task.output_path), SHOW_LIMIT)
    except OSError:
        return []  # the facts already show the error
    return whole_lines(tail, start)[-LAST_LINES:]


def whole_lines(tail: bytes, start: int) -> list[str]:
    """Return the complete lines of output that was read from an offset."""
    lines = safe_lines(tail.decode("utf-8", "replace"))
    if start and len(lines) > 1:
        del lines[0]  # the start of the first line is missing
    return lines


def read_output(task: Task) -> OutputText:
    """Read the output of a task. Blocks.

    Raises:
        OSError: If its output file can't be read.
    """
    if task.output_path is None or task.started_at is None:
        return OutputText(0, ())
    try:
        data, start = read_tail(Path(task.output_path), OUTPUT_LIMIT)
    except FileNotFoundError:
        if task.output_size:
            raise
        data, start = b"", 0  # the process is just starting, or was never started
    return OutputText(start, tuple(whole_lines(data, start)) if data else ())


def output_lines(task: Task, output: OutputText) -> list[str]:
    """Format the output of a task as lines."""
    if task.output_path is None or task.started_at is None:
        return [f"#{task.id} has no output"]
    if not output.lines:
        yet = "" if task.status.is_final else " yet"
        return [f"#{task.id} has printed nothing{yet}"]
    if not output.skipped:
        return [*output.lines]
    path = safe_line(task.output_path)
    skipped = f"… {size_text(output.skipped)} before this are in {path}"
    return [skipped, *output.lines]
