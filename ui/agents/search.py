"""Searches output for a regular expression, in a process of its own.

A regular expression can take very long, and Python can't interrupt it; so the search
runs in a process of its own, which is killed on a timeout.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import brief, safe_line
from .loop import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .loop import Loop

MOST_SCANNED: Final = 64 << 20
"""Maximum number of bytes that a search reads per call."""

TIME: Final = 5.0
"""Seconds after which a search returns partial results, with a cursor."""

LONGEST_TIME: Final = 20.0
"""Seconds after which a search that is stuck in a line is killed."""

_CHUNK: Final = 1 << 18  # a longer line counts as several
_LOOK: Final = 0.1  # seconds between two checks of growing output
_LONGEST_ANSWER: Final = 1 << 20
_LONGEST_SHOWN: Final = 2000  # characters of a returned line


class GrepOrder(msgspec.Struct, frozen=True, tag=True):
    """The arguments of `Search.grep`."""

    task_id: int
    path: str
    pattern: str
    cursor: int
    limit: int
    head: int | None
    tail: int | None
    seconds: float


class FollowOrder(msgspec.Struct, frozen=True, tag=True):
    """The arguments of `Search.follow`; ends with the process `parent`."""

    paths: dict[int, str]
    pattern: str
    cursor: int
    once: bool
    parent: int


class Found(msgspec.Struct, frozen=True):
    """The result of a search.

    Attributes:
        task_id: The task.
        lines: The matching lines, safe to show.
        cursor: The offset at which the search ended.
        size: Size of the file in bytes at that time.
    """

    task_id: int
    lines: list[str]
    cursor: int
    size: int


def pattern_problem(pattern: str) -> str | None:
    """Return why a regular expression is invalid; None if it is valid."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return (
            f"{brief(safe_line(pattern))!r} is not a regular expression of Python:"
            f" {error}"
        )
    return None


class Search:
    """A search in progress.

    Args:
        loop: Runs the callback.
        done: Called once with the result, or with None on failure or timeout. Not
            called after `stop`.
    """

    def __init__(self, loop: Loop, done: Callable[[Found | None], None]) -> None:
        self._loop = loop
        self._done = done
        self._process: subprocess.Popen[bytes] | None = None
        self._answer = b""

    def grep(  # noqa: PLR0913 - each is one independent thing
        self,
        task_id: int,
        path: Path,
        pattern: str,
        *,
        cursor: int,
        limit: int,
        head: int | None,
        tail: int | None,
    ) -> None:
        """Search for matching lines from an offset.

        Reads up to `MOST_SCANNED` bytes, and takes up to `TIME` seconds.

        Args:
            task_id: The task.
            path: Its output.
            pattern: The regular expression.
            cursor: The offset to start at.
            limit: Maximum number of bytes of matching lines.
            head: Maximum number of lines, counted from the first match.
            tail: Maximum number of lines, counted from the last match.
        """
        self._start(
            GrepOrder(task_id, str(path), pattern, cursor, limit, head, tail, TIME)
        )
        self._loop.call_later(LONGEST_TIME, self._give_up)

    def follow(
        self, paths: Mapping[int, Path], pattern: str, cursor: int, *, once: bool
    ) -> None:
        """Search outputs from an offset until a line matches.

        Args:
            paths: The outputs, by the ids of their tasks.
            pattern: The regular expression.
            cursor: The offset to start at in each output.
            once: Whether the outputs no longer grow; without a match the result is
                empty. Otherwise the search continues until `stop`.
        """
        places = {task_id: str(path) for task_id, path in paths.items()}
        self._start(FollowOrder(places, pattern, cursor, once, os.getpid()))

    def stop(self) -> None:
        """Stop the search."""
        process, self._process = self._process, None
        if process is not None and process.stdout is not None:
            self._loop.unwatch(process.stdout.fileno())
            process.stdout.close()
            process.kill()
            process.wait()

    def _start(self, order: GrepOrder | FollowOrder) -> None:
        # No fork: the chat has threads, of which a fork would copy only one.
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, msgspec.json.encode(order).decode()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if process.stdout is not None:
            self._loop.watch(process.stdout.fileno(), READ, self._read)

    def _read(self) -> None:
        if self._process is None or self._process.stdout is None:
            return
        data = os.read(self._process.stdout.fileno(), _CHUNK)
        self._answer += data
        if data and len(self._answer) <= _LONGEST_ANSWER:
            return
        self.stop()
        try:
            found = msgspec.json.decode(self._answer, type=Found)
        except msgspec.DecodeError:
            found = None
        self._done(found)

    def _give_up(self) -> None:
        if self._process is not None:
            self.stop()
            self._done(None)


def main(order: str) -> None:
    """Search, and write the result to standard output: the process of a search."""
    os.nice(5)
    given = msgspec.json.decode(order, type=GrepOrder | FollowOrder)
    matches = re.compile(given.pattern).search
    if isinstance(given, GrepOrder):
        found = _grep(given, matches)
    else:
        scans = {
            task_id: _Scan(Path(path), given.cursor)
            for task_id, path in given.paths.items()
        }
        found = _follow(scans, matches, given.parent, once=given.once)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(found))


def _grep(order: GrepOrder, matches: Callable[[str], object]) -> Found:
    task_id, limit, head, tail = order.task_id, order.limit, order.head, order.tail
    scan = _Scan(Path(order.path), order.cursor)
    found: deque[str] = deque()
    room = limit
    scanned = 0
    end_of_time = time.monotonic() + order.seconds
    while scanned < MOST_SCANNED and (lines := scan.lines()):
        for line, start, end in lines:
            scanned += end - start
            if not matches(line):
                continue
            shown = brief(line, _LONGEST_SHOWN)
            size = len(shown.encode()) + 1
            if tail is None and found and (room < size or len(found) == head):
                return Found(task_id, [*found], start, scan.size)
            found.append(shown)
            room -= size
            while (
                len(found) > 1 and tail is not None and (room < 0 or len(found) > tail)
            ):
                room += len(found.popleft().encode()) + 1
        if time.monotonic() >= end_of_time:
            break
    return Found(task_id, [*found], scan.cursor, scan.size)


def _follow(
    scans: Mapping[int, _Scan],
    matches: Callable[[str], object],
    parent: int,
    *,
    once: bool,
) -> Found:
    while True:
        for task_id, scan in scans.items():
            while lines := scan.lines(growing=not once):
                for line, _, end in lines:
                    if matches(line):
                        shown = brief(line, _LONGEST_SHOWN)
                        return Found(task_id, [shown], end, scan.size)
        if once:
            return Found(0, [], 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(_LOOK)


class _Scan:
    """Reads the current lines of a file."""

    def __init__(self, path: Path, cursor: int) -> None:
        self._path = path
        self.cursor = cursor
        self.size = 0
        self._seen = -1  # size of the file when its incomplete line was returned

    def lines(self, *, growing: bool = False) -> list[tuple[str, int, int]]:
        """Return further lines with their start and end offsets; empty at the end.

        Args:
            growing: Whether an incomplete last line may grow: it is returned again
                whenever it has grown. Otherwise it counts as a line.
        """
        try:
            fd = open_output(self._path)
        except FileNotFoundError:
            return []
        try:
            self.size = os.fstat(fd).st_size
            if self.size < self.cursor:
                self.cursor = 0  # the command has truncated it
            data = os.pread(fd, _CHUNK, self.cursor)
        finally:
            os.close(fd)
        *complete, last = data.split(b"\n")
        found: list[tuple[str, int, int]] = []
        for raw in complete:
            end = self.cursor + len(raw) + 1
            found.append((_text(raw), self.cursor, end))
            self.cursor = end
        if not last or (found and len(data) == _CHUNK):
            return found  # the rest follows with the next bytes
        end = self.cursor + len(last)
        if growing and len(last) < _CHUNK:
            if self._seen != self.size:
                self._seen = self.size
                found.append((_text(last), self.cursor, end))
            return found
        found.append((_text(last), self.cursor, end))
        self.cursor = end
        return found


def _text(raw: bytes) -> str:
    return safe_line(raw.decode("utf-8", "replace"))


if __name__ == "__main__":
    main(sys.argv[1])
