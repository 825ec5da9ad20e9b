"""`backburner log --all --grep`: searching the outputs of all tasks."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import safe_line, size_text
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .call import UsageError, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...actors import Task
    from ...actors.host.remote import RemoteSystem
    from .call import Call

_CHUNK: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 16  # bytes; a longer one is searched in pieces
_SHOWN: Final = 1000  # characters of a line
_PAUSE: Final = 0.5  # seconds between two words on how far it is
_CLEAR: Final = "\r\x1b[K"


def search_all(call: Call, system: RemoteSystem) -> int:
    """Write the lines that match in the output of any task, each after its id."""
    options = call.options
    if not options.grep:
        raise UsageError("--all needs --grep RE: what to look for")
    if options.id is not None or options.since or options.follow or options.lines:
        raise UsageError("--all goes with --grep and --json alone")
    try:
        pattern = re.compile(options.grep)
    except re.error as error:
        text = f"{options.grep!r} is not a regular expression: {error}"
        raise UsageError(text) from error
    # A plain text is found much faster in a whole part of a file.
    plain = options.grep.encode() if re.escape(options.grep) == options.grep else b""
    tasks = [it for it in system.list() if it.output_path is not None]
    progress = _Progress(sum(it.output_size for it in tasks))
    found, status = False, 0
    try:
        for task in tasks:
            try:
                for line in _matches(task, pattern, plain, progress.add):
                    found = True
                    progress.clear()
                    shown = safe_line(line)[:_SHOWN]
                    if call.as_json:
                        call.say_json({"id": task.id, "line": shown})
                    else:
                        call.say(f"#{task.id}: {shown}")
            except FileNotFoundError:
                continue  # it has printed nothing, or was forgotten meanwhile
            except OSError as error:
                progress.clear()
                what = f"can't read the output of #{task.id}: {error.strerror}"
                status = complain(what, EXIT_UNSUCCESSFUL)
    finally:
        progress.clear()
    return status or (0 if found else EXIT_UNSUCCESSFUL)


class _Progress:
    """Says on a terminal how far a search is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._at = time.monotonic()
        self._shows = sys.stderr.isatty()
        self._is_there = False

    def add(self, size: int) -> None:
        """Note that so many bytes were searched."""
        self._done += size
        now = time.monotonic()
        if self._shows and now - self._at >= _PAUSE:
            self._at, self._is_there = now, True
            done, total = size_text(self._done), size_text(self._total)
            sys.stderr.write(f"{_CLEAR}{done} of {total} searched; Ctrl+C stops")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take away what was said, before something else is written."""
        if self._is_there:
            self._is_there = False
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


def _matches(
    task: Task, pattern: re.Pattern[str], plain: bytes, read: Callable[[int], None]
) -> Iterator[str]:
    """Yield the lines of an output that match; never holds more than a part of it."""
    with os.fdopen(open_output(Path(task.output_path or "")), "rb") as file:
        rest = b""
        while data := file.read(_CHUNK):
            read(len(data))
            data, rest = rest + data, b""
            end = data.rfind(b"\n") + 1
            if len(data) - end <= _LONGEST_LINE:
                data, rest = data[:end], data[end:]
            if plain and plain not in data:
                continue
            for line in data.split(b"\n"):
                text = line.decode("utf-8", "replace")
                if text and pattern.search(text):
                    yield text
        text = rest.decode("utf-8", "replace")
        if text and pattern.search(text):
            yield text
