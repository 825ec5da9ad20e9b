"""Export tasks: JSON lines for programs, a report in Markdown or HTML for people.

Descriptions and output are untrusted: they are made safe to show, and escaped for the
format.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import Task, TaskStatus
from ...actors.processes.output_file import read_tail
from ...actors.rules.safe_text import safe_json, safe_line
from ..text.theme import duration_text
from .statistics import StatsAnswer, statistics_of, stats_lines
from .task_output import whole_lines
from .usage import figures_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

LAST_LINES: Final = 5
"""Lines of a failed task's output in a digest."""

SHOWN: Final = 20
"""Maximum number of failures that `/failures` shows."""

_TAIL: Final = 4096  # bytes at the end of the output that are searched for these lines
_LONGEST_LINE: Final = 200
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")
_STYLE: Final = (
    "body{font:14px system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .6em;"
    "border-bottom:1px solid #ccc}pre{background:#f4f4f4;padding:.6em;overflow:auto}"
    ".failed{color:#b00}.complete{color:#070}"
)


class Failure(msgspec.Struct, frozen=True):
    """A failed task and the last lines of its output, safe to show."""

    task: Task
    lines: tuple[str, ...]


def failures_of(tasks: Iterable[Task]) -> list[Failure]:
    """Return the failed tasks with their last lines; reads their outputs."""
    return [
        Failure(it, _last_lines(it)) for it in tasks if it.status is TaskStatus.FAILED
    ]


def digest_lines(failures: Sequence[Failure], earlier: int = 0) -> list[str]:
    """Return the lines of failures, with their last lines of output.

    `earlier` is the number of earlier failures, which are omitted.
    """
    lines = [f"{earlier} earlier failures are not shown"] if earlier else []
    for it in failures:
        task = it.task
        name = safe_line(task.description)
        lines.append(f"#{task.id} {name}: {safe_line(task.reason)}")
        lines += [f"  | {line}" for line in it.lines]
    return lines or ["no task has failed"]


def write_export(
    path: str, tasks: Sequence[Task], now: datetime, *, replaces: bool = False
) -> str:
    """Write tasks to a file. Blocks.

    Args:
        path: The file. A name that ends with `.html` or `.md` means a report; any other
            name means one JSON object per line.
        tasks: The tasks.
        now: The current time.
        replaces: Whether to replace an existing file, once everything is written.

    Returns:
        A line that says what was written.

    Raises:
        OSError: If the file can't be written, or exists already.
    """
    try:
        file = Path(path).expanduser()
    except RuntimeError as error:
        raise OSError(errno.ENOENT, "there is no such user", path) from error
    text = text_of(file.suffix.lower(), tasks, now)
    # A mistyped name must not overwrite a file, and a link may lead anywhere.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    target = file
    if replaces:
        target = file.with_name(f".backburner-{os.urandom(4).hex()}")
    fd = os.open(target, flags, 0o600)
    try:
        with open(fd, "wb") as opened:  # noqa: PTH123 - a descriptor
            opened.write(text.encode("utf-8", "backslashreplace"))
        if replaces:
            target.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    return f"wrote {len(tasks)} task{'s' * (len(tasks) != 1)} to {safe_line(str(file))}"


def explained(error: OSError, path: str) -> str:
    """Return one line that says why a file could not be written."""
    if error.errno in {errno.EEXIST, errno.EISDIR} and Path(path).is_dir():
        return f"{path} is a directory; name a file in it"
    if error.errno == errno.EEXIST:
        return f"{path} exists already; name another file, or use --force"
    return f"can't write {path}: {error.strerror or error}"


def text_of(suffix: str, tasks: Sequence[Task], now: datetime) -> str:
    """Return tasks as the text of a file with this suffix; see `write_export`.

    Reads the ends of failed tasks' outputs for a report.
    """
    if suffix in {".html", ".htm"}:
        return _html(tasks, now)
    if suffix in {".md", ".markdown"}:
        return _markdown(tasks, now)
    return "".join(f"{json_line(task)}\n" for task in tasks)


def json_line(task: Task) -> str:
    """Return a task as one line of JSON."""
    return safe_json(msgspec.json.encode(task).decode())


def _last_lines(task: Task) -> tuple[str, ...]:
    if task.output_path is None:
        return ()
    try:
        data, skipped = read_tail(Path(task.output_path), _TAIL)
    except OSError:
        return ()
    lines = (line for line in whole_lines(data, skipped) if line.strip())
    return tuple(line[:_LONGEST_LINE] for line in lines)[-LAST_LINES:]


def _markdown(tasks: Sequence[Task], now: datetime) -> str:
    stats = statistics_of(tasks, now)
    lines = [f"# Tasks on {_date(now)}", "", *_indented(stats_lines(stats)), ""]
    lines += ["| id | task | status | reason | time | used |", "|" + " --- |" * 6]
    for row in map(_row, tasks):
        lines.append("| " + " | ".join(_escaped(it) for it in row) + " |")
    failures = failures_of(tasks)
    if failures:
        lines += ["", "## Failures"]
    for it in failures:
        task = it.task
        lines += ["", f"### {_escaped(f'#{task.id} {safe_line(task.description)}')}"]
        lines += ["", _escaped(safe_line(task.reason))]
        if it.lines:
            lines += ["", *_indented(it.lines)]
    return "\n".join(lines) + "\n"


def _html(tasks: Sequence[Task], now: datetime) -> str:
    title = f"Tasks on {_date(now)}"
    stats: StatsAnswer = statistics_of(tasks, now)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        # Forbid scripts and loads, in case some text was not escaped.
        (
            '<meta http-equiv="Content-Security-Policy"'
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        ),
        f"<title>{_in_html(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_in_html(title)}</h1>",
        _pre(stats_lines(stats)),
        "<table><tr><th>id<th>task<th>status<th>reason<th>time<th>used</tr>",
    ]
    for task in tasks:
        cells = "".join(f"<td>{_in_html(it)}</td>" for it in _row(task))
        parts.append(f'<tr class="{task.status.value}">{cells}</tr>')
    parts.append("</table>")
    failures = failures_of(tasks)
    if failures:
        parts.append("<h2>Failures</h2>")
    for it in failures:
        task = it.task
        name = _in_html(f"#{task.id} {safe_line(task.description)}")
        parts.append(f"<h3>{name}</h3><p>{_in_html(safe_line(task.reason))}</p>")
        if it.lines:
            parts.append(_pre(it.lines))
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _row(task: Task) -> tuple[str, ...]:
    return (
        f"#{task.id}",
        safe_line(task.description),
        task.status.value,
        safe_line(task.reason),
        duration_text(task.duration),
        "" if task.figures is None else figures_text(task.figures),
    )


def _pre(lines: Iterable[str]) -> str:
    return f"<pre>{_in_html(chr(10).join(lines))}</pre>"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _escaped(text: str) -> str:
    """Escape the characters that are special in Markdown, which may contain HTML."""
    return _MARKDOWN.sub(r"\\\1", text)


def _date(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _in_html(text: str) -> str:
    from html import escape  # noqa: PLC0415 - loaded at every start, but rarely needed

    return escape(text)
