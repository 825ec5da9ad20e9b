"""Search the outputs of tasks, in bounded steps.

The search sees the text that a person sees: escape sequences are ignored, and only the
last version of an overwritten line is searched.
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
"""Bytes read in one step."""

LONGEST_LINE: Final = 1 << 16
"""Maximum length of a line, in bytes; a longer line is searched in pieces."""

SHOWN: Final = 1000
"""Maximum length of a shown line, in characters."""

_COLOR: Final = rb"\x1b\[[0-9;:]*m"
_DROPPED: Final = bytes(it for it in range(32) if it not in b"\n\t\r\x1b") + b"\x7f"
_SPECIAL: Final = r"\\|\(\?"


class FoundLine(msgspec.Struct, frozen=True):
    """A line that a search has found.

    Attributes:
        id: The task that printed the line.
        place: The offset of the line in the output, in bytes.
        line: The line, safe to show; a long line may be cut.
        match: The part of the line that matches.
    """

    id: int
    place: int
    line: str
    match: str


class Wanted(msgspec.Struct, frozen=True):
    """The text or pattern to search for; an invalid pattern raises a `UsageError`.

    Attributes:
        text: A text, or a regular expression.
        is_pattern: Whether the text is a regular expression.
        any_case: Whether to ignore case.
    """

    text: str
    is_pattern: bool = False
    any_case: bool = False

    @classmethod
    def typed(cls, text: str, *, is_pattern: bool = False) -> Wanted:
        """Make a search from typed text; text without capitals matches both cases."""
        wanted = cls(text, is_pattern, text == text.lower())
        wanted.compiled()
        return wanted

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern that matches in a line."""
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
        """Return a pattern that tests many lines at once; None if there is none.

        It may match where no line does, but finds every line that matches.
        """
        if not self.text.isascii() or (
            self.is_pattern and re.search(_SPECIAL, self.text)
        ):
            return None
        flags = (re.IGNORECASE if self.any_case else re.NOFLAG) | re.MULTILINE
        text = self.text if self.is_pattern else re.escape(self.text)
        return re.compile(text.encode(), flags)


class OutputSearch:
    """A search through the outputs of tasks, in their order."""

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
        """Total size of the outputs when the search began, in bytes."""
        self.done = 0
        """Bytes searched so far."""
        self.problems: list[str] = []
        """A line for each output that can't be read, with the reason."""
        self._tasks.reverse()
        self._task: Task | None = None
        self._fd = -1
        self._rest = b""
        self._place = 0  # the offset of the rest

    @property
    def is_over(self) -> bool:
        """Whether the search is complete."""
        return not self._tasks and self._task is None

    def step(self) -> list[FoundLine]:
        """Read and search the next part of at most `STEP` bytes. The read may block."""
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
        """Close the output that is being read."""
        if self._task is not None:
            os.close(self._fd)
            self._task, self._fd, self._rest = None, -1, b""

    def stop(self) -> None:
        """Stop the search."""
        self.close()
        self._tasks.clear()

    def _open_next(self) -> bool:
        if not self._tasks:
            return False
        task = self._tasks.pop()
        try:
            self._fd = open_output(Path(task.output_path or ""))
        except FileNotFoundError:
            return False  # no output yet, or the task was forgotten during the search
        except OSError as error:
            self._note(task, error)
            return False
        self._task, self._place = task, 0
        return True

    def _note(self, task: Task, error: OSError) -> None:
        text = f"can't read the output of #{task.id}: {error.strerror}"
        self.problems.append(safe_line(text))

    def _hits(self, task: Task, part: bytes, place: int) -> Iterator[FoundLine]:
        if not self._may_match(part):
            return
        for line in part.split(b"\n"):
            text = safe_line(line.decode("utf-8", "replace"))
            if text and (found := self._pattern.search(text)):
                start = max(0, min(found.start() - SHOWN // 2, len(text) - SHOWN))
                shown = text[start : start + SHOWN]
                yield FoundLine(task.id, place, shown, found.group()[:SHOWN])
            place += len(line) + 1

    def _may_match(self, part: bytes) -> bool:
        """Return whether any line of a part may match."""
        if self._bytes is None:
            return True
        if b"\x1b" in part:
            part = re.sub(_COLOR, b"", part)
            if b"\x1b" in part:
                return True
        if self._blank and b"\t" in part:
            return True  # a tab is shown as spaces
        part = part.replace(b"\r\n", b"\n").translate(None, _DROPPED)
        if self._plain:
            # Several times faster than a regular expression.
            return self._plain in (part.lower() if self._any_case else part)
        return self._bytes.search(part) is not None


class FindInOutputs(msgspec.Struct, frozen=True):
    """Search the outputs of tasks. Answer: several `LinesFound`."""

    wanted: Wanted
    tasks: tuple[Task, ...]


class LinesFound(msgspec.Struct, frozen=True):
    """A part of the result of a search.

    Attributes:
        hits: The lines found since the previous part.
        done: Bytes searched so far.
        total: Total bytes to search.
        ended: Whether this is the last part.
        problems: A line for each output that can't be read; only in the last part.
        cut: Whether the search stopped at `MOST` lines, so that there may be more.
    """

    hits: tuple[FoundLine, ...]
    done: int
    total: int
    ended: bool
    problems: tuple[str, ...] = ()
    cut: bool = False


MOST: Final = 1000
"""Maximum number of lines that `/find` finds."""


class BoundedSearch:
    """A search that ends after `MOST` lines and returns its results in parts."""

    def __init__(self, wanted: FindInOutputs) -> None:
        # Newest first: people search for recent lines most often.
        self._search = OutputSearch(wanted.wanted, reversed(wanted.tasks))
        self._left = MOST
        self._new: list[FoundLine] = []

    @property
    def is_over(self) -> bool:
        """Whether the search has ended."""
        return self._left == 0 or self._search.is_over

    def step(self) -> None:
        """Search a bounded part. The read may block."""
        hits = self._search.step()[: self._left]
        self._left -= len(hits)
        self._new += hits

    def stop(self) -> None:
        """Stop the search."""
        self._search.stop()

    def take(self) -> LinesFound:
        """Return the lines found since the last call."""
        new, self._new = tuple(self._new), []
        over, search = self.is_over, self._search
        if over:
            search.close()
        problems = tuple(search.problems) if over else ()
        cut = self._left == 0
        return LinesFound(new, search.done, search.total, over, problems, cut)


def search_outputs(wanted: FindInOutputs) -> LinesFound:
    """Run a whole search. Blocks."""
    search = BoundedSearch(wanted)
    while not search.is_over:
        search.step()
    return search.take()
