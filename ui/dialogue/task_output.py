"""What a task has printed: read from its file, and as lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.processes.output_file import read_tail
from ...actors.rules.safe_text import safe_line, safe_lines, size_text

if TYPE_CHECKING:
    from ...actors import Task

LAST_LINES: Final = 20
"""Lines of output that `/show` adds."""

SHOW_LIMIT: Final = 1 << 16
"""Bytes of output in which `/show` looks for its lines."""

OUTPUT_LIMIT: Final = 1 << 20
"""Bytes of output that `/output` shows at most; the file has all of it."""


class OutputEnd(msgspec.Struct, frozen=True):
    """The end of a task's output.

    Attributes:
        fact: Where the output is and how much, or what is wrong with it; None if there
            is none.
        lines: Its last lines, safe to show.
    """

    fact: str | None
    lines: tuple[str, ...] = ()


class OutputText(msgspec.Struct, frozen=True):
    """What a task printed.

    Attributes:
        skipped: Bytes before the first of the lines.
        lines: The last `OUTPUT_LIMIT` bytes of it, safe to show.
    """

    skipped: int
    lines: tuple[str, ...]


def output_end(task: Task) -> OutputEnd:
    """Read the end of a task's output; blocks as long as that takes."""
    return OutputEnd(_output_fact(task), tuple(_last_lines(task)))


def _output_fact(task: Task) -> str | None:
    if task.output_path is None:
        return None
    try:
        size = Path(task.output_path).lstat().st_size
    except FileNotFoundError:
        # Before its first output a task may not have made the file yet.
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
        return []  # what is wrong with the file is one of the facts already
    return _whole_lines(tail, start)[-LAST_LINES:]


def _whole_lines(tail: bytes, start: int) -> list[str]:
    lines = safe_lines(tail.decode("utf-8", "replace"))
    if start and len(lines) > 1:
        del lines[0]  # its beginning was cut off
    return lines


def read_output(task: Task) -> OutputText:
    """Read what a task printed; blocks as long as that takes.

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
        data, start = b"", 0  # its process is just being started, or never was
    return OutputText(start, tuple(_whole_lines(data, start)) if data else ())


def output_lines(task: Task, output: OutputText) -> list[str]:
    """Write what a task printed."""
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
