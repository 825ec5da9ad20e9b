"""Searching the outputs of tasks, a bounded step at a time.

What is searched is what a person sees: colors and other escape sequences are left out,
and of a line that was written over itself the last version counts.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import Task
from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import safe_line
from .arguments import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STEP: Final = 1 << 18
"""Bytes that are read at a time."""

LONGEST_LINE: Final = 1 << 16
"""Bytes of a line; one that is longer is searched in pieces."""

SHOWN: Final = 1000
"""Characters of a line that are shown."""

_COLOR: Final = rb"\x1b\[[0-9;:]*m"
_DROPPED: Final = bytes(it for it in range(32) if it not in b"\n\t\r\x1b") + b"\x7f"
_SPECIAL: Final = r"\\|\(\?"


class Hit(msgspec.Struct, frozen=True):
    """A line that matches.

    Attributes:
        task_id: The task that printed it.
        place: Where the line begins in the output, in bytes.
        line: What it says, safe to show, perhaps only a part of it.
        match: The text in it that matches.
    """

    task_id: int
    place: int
    line: str
    match: str


class Wanted(msgspec.Struct, frozen=True):
    """What is searched for.

    Attributes:
        text: A text, or a regular expression.
        is_pattern: Whether it is one.
        any_case: Whether upper and lower case are the same.
    """

    text: str
    is_pattern: bool = False
    any_case: bool = False

    @classmethod
    def typed(cls, text: str, *, is_pattern: bool = False) -> Wanted:
        """Return what a person wants: without capitals, in both cases.

        Raises:
            UsageError: If it is no regular expression.
        """
        wanted = cls(text, is_pattern, text == text.lower())
        wanted.compiled()
        return wanted

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern for a line.

        Raises:
            UsageError: If it is no regular expression.
        """
        flags = re.IGNORECASE if self.any_case else re.NOFLAG
        try:
            return re.compile(
                self.text if self.is_pattern else re.escape(self.text), flags
            )
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(
                f"{self.text!r} is not a regular expression: {error}"
            ) from error

    def in_bytes(self) -> re.Pattern[bytes] | None:
        """Return a pattern for many lines at once; None if there is none.

        It may match where no line does, but never the other way round.
        """
        if not self.text.isascii() or (
            self.is_pattern and re.search(_SPECIAL, self.text)
        ):
            return None
        flags = (re.IGNORECASE if self.any_case else re.NOFLAG) | re.MULTILINE
        text = self.text if self.is_pattern else re.escape(self.text)
        return re.compile(text.encode(), flags)


class OutputSearch:
    """A search through the outputs of tasks, the last one first or as they come.

    Args:
        wanted: What for.
        tasks: In whose outputs, in this order.
    """

    def __init__(self, wanted: Wanted, tasks: Iterable[Task]) -> None:
        self._pattern = wanted.compiled()
        self._bytes = wanted.in_bytes()
        self._any_case = wanted.any_case
        self._plain = (
            b"" if wanted.is_pattern else wanted.text.encode("utf-8", "replace")
        )
        self._blank = " " in wanted.text or wanted.is_pattern
        self._tasks = [it for it in tasks if it.output_path is not None]
        self.total = sum(it.output_size for it in self._tasks)
        """Bytes of output when the search began."""
        self.done = 0
        """Bytes that were searched."""
        self.problems: list[str] = []
        """Which outputs can't be read, and why; a line each."""
        self._tasks.reverse()
        self._task: Task | None = None
        self._fd = -1
        self._rest = b""
        self._place = 0  # of the first byte of the rest

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to search."""
        return not self._tasks and self._task is None

    def step(self) -> list[Hit]:
        """Read and search the next part, of at most `STEP` bytes; may block for it."""
        if self._task is None and not self._open_next():
            return []
        task = self._task
        if task is None:
            return []
        try:
            data = os.read(self._fd, STEP)
        except OSError as error:
            self._note(task, error)
            self.close()
            return []
        self.done += len(data)
        part = self._rest + data
        if not data:
            self.close()
            return list(self._hits(task, part, self._place))
        end = part.rfind(b"\n") + 1
        if len(part) - end > LONGEST_LINE:
            end = len(part)
        place, self._place, self._rest = self._place, self._place + end, part[end:]
        return list(self._hits(task, part[:end], place))

    def close(self) -> None:
        """Leave the output that is being read."""
        if self._task is not None:
            os.close(self._fd)
            self._task, self._fd, self._rest = None, -1, b""

    def stop(self) -> None:
        """Search nothing more."""
        self.close()
        self._tasks.clear()

    def _open_next(self) -> bool:
        if not self._tasks:
            return False
        task = self._tasks.pop()
        try:
            self._fd = open_output(Path(task.output_path or ""))
        except FileNotFoundError:
            return False  # it has printed nothing, or was forgotten meanwhile
        except OSError as error:
            self._note(task, error)
            return False
        self._task, self._place = task, 0
        return True

    def _note(self, task: Task, error: OSError) -> None:
        text = f"can't read the output of #{task.id}: {error.strerror}"
        self.problems.append(safe_line(text))

    def _hits(self, task: Task, part: bytes, place: int) -> Iterator[Hit]:
        if not self._may_match(part):
            return
        for line in part.split(b"\n"):
            text = safe_line(line.decode("utf-8", "replace"))
            if text and (found := self._pattern.search(text)):
                start = max(0, min(found.start() - SHOWN // 2, len(text) - SHOWN))
                shown = text[start : start + SHOWN]
                yield Hit(task.id, place, shown, found.group()[:SHOWN])
            place += len(line) + 1

    def _may_match(self, part: bytes) -> bool:
        """Tell, at once for many lines, whether one of them may match."""
        if self._bytes is None:
            return True
        if b"\x1b" in part:
            part = re.sub(_COLOR, b"", part)
            if b"\x1b" in part:
                return True
        if self._blank and b"\t" in part:
            return True  # a tab is shown as blanks
        part = part.replace(b"\r\n", b"\n").translate(None, _DROPPED)
        if self._plain:
            # Several times as fast as a regular expression.
            return self._plain in (part.lower() if self._any_case else part)
        return self._bytes.search(part) is not None


class FindInOutputs(msgspec.Struct, frozen=True):
    """Search the outputs of tasks; results come in parts."""

    wanted: Wanted
    tasks: tuple[Task, ...]


class LinesFound(msgspec.Struct, frozen=True):
    """A part of what a search has found.

    Attributes:
        hits: Those that are new.
        done: Bytes that were searched so far.
        total: Bytes there are to search.
        ended: Whether this is the last part.
        problems: What could not be read; with the last part.
        cut: Whether there may be more, since so many were found.
    """

    hits: tuple[Hit, ...]
    done: int
    total: int
    ended: bool
    problems: tuple[str, ...] = ()
    cut: bool = False


MOST: Final = 1000
"""Lines that `/find` finds at most."""


class BoundedSearch:
    """A search that ends after `MOST` lines, and tells what it has found in parts."""

    def __init__(self, wanted: FindInOutputs) -> None:
        # The newest are what is looked for most often.
        self._search = OutputSearch(wanted.wanted, reversed(wanted.tasks))
        self._left = MOST
        self._new: list[Hit] = []

    @property
    def is_over(self) -> bool:
        """Whether the search has ended."""
        return self._left == 0 or self._search.is_over

    def step(self) -> None:
        """Search a bounded part; may block for as long as reading that takes."""
        hits = self._search.step()[: self._left]
        self._left -= len(hits)
        self._new += hits

    def stop(self) -> None:
        """Search nothing more."""
        self._search.stop()

    def take(self) -> LinesFound:
        """Return what was found since."""
        new, self._new = tuple(self._new), []
        over, search = self.is_over, self._search
        if over:
            search.close()
        problems = tuple(search.problems) if over else ()
        cut = self._left == 0
        return LinesFound(new, search.done, search.total, over, problems, cut)


def search_outputs(wanted: FindInOutputs) -> LinesFound:
    """Search as a whole; blocks as long as that takes."""
    search = BoundedSearch(wanted)
    while not search.is_over:
        search.step()
    return search.take()
