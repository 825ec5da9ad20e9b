"""Views that write the entries of a session: the protocol, and two line views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, assert_never

import msgspec

from ...actors import TaskEvent
from ...actors.rules.safe_text import safe_json, safe_line
from ..dialogue.entries import Entry, Problem, Reply, Said, TaskNews
from ..dialogue.reports import input_text, news_text
from ..text.cells import wrap_indented
from ..text.theme import clock_text
from .json_lines import Line, TaskLine, TextLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ..text.theme import Icons


_INDENT: Final = " " * 7
"""The indentation of a line without a time of day."""

_LEAST_ROOM: Final = 20  # cells; on a narrower terminal lines are not wrapped


class View(Protocol):
    """Shows entries. Called only by the LineActor.

    Attributes:
        repeats: Whether commands are shown, too, with their results below.
    """

    repeats: bool

    def show(self, entry: Entry) -> None:
        """Show an entry, now or with the next `flush`.

        Raises:
            OSError: If the entry can't be written.
        """
        ...

    def flush(self) -> None:
        """Write buffered entries.

        Raises:
            OSError: If they can't be written.
        """
        ...


class LineWriter(Protocol):
    """A text stream that takes lines."""

    def write(self, text: str, /) -> object:
        """Write text."""
        ...

    def flush(self) -> object:
        """Write the buffer."""
        ...


class PlainView:
    """Writes the transcript as lines of text.

    Args:
        stream: The output stream.
        icons: The icons of statuses.
        repeats: Whether to write typed lines, too; not at a terminal, which echoes
            them.
        columns: Returns the current width of the terminal, in cells, at which lines are
            wrapped; None to wrap none. Tables and output are never wrapped.
    """

    def __init__(
        self,
        stream: LineWriter,
        icons: Icons,
        *,
        repeats: bool = True,
        columns: Callable[[], int] | None = None,
    ) -> None:
        self._columns = columns
        self._stream = stream
        self._icons = icons
        self.repeats = repeats

    def greet(self, session: str, *, detaches: bool = False) -> None:
        """Write a greeting for a person who types."""
        leaving = "/quit ends running tasks, Ctrl+D waits for them"
        if detaches:
            leaving = "/quit and Ctrl+D leave, and tasks keep running"
        keys = f"/help explains all commands, {leaving}"
        self._write([f"backburner: session {session}; {keys}"])
        self.flush()

    def show(self, entry: Entry) -> None:
        """Write an entry, except progress, which would flood the output."""
        match entry:
            case Said(elsewhere=False) if not self.repeats:
                return
            case Said(who=who, text=text):
                lines = [f"{who}  {safe_line(text)}"]
            case TaskNews(change=change):
                if change.event is TaskEvent.PROGRESS:
                    return
                if change.event is TaskEvent.INPUT:
                    self._tell(entry.at, input_text(change.task, drawn=False))
                    return
                lines = [news_text(change.task, self._icons)]
            case Reply(lines=answer, laid_out=laid_out):
                for line in answer:
                    whole = [line] if laid_out else self._wrapped(line)
                    self._write(f"{_INDENT}{part}".rstrip() for part in whole)
                return
            case Problem(text=text):
                lines = [f"error: {text}"]
            case _:
                assert_never(entry)
        for line in lines:
            self._tell(entry.at, line)

    def _tell(self, at: datetime, line: str) -> None:
        first, *others = self._wrapped(line)
        self._write([f"{clock_text(at)}  {first}"])
        self._write(f"{_INDENT}{part}" for part in others)

    def _wrapped(self, line: str) -> list[str]:
        """Wrap a line at words to the width of the terminal."""
        room = 0 if self._columns is None else self._columns() - len(_INDENT)
        return wrap_indented(line, room) if room >= _LEAST_ROOM else [line]

    def _write(self, lines: Iterable[str]) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines))

    def flush(self) -> None:
        """Write buffered entries."""
        self._stream.flush()


class JsonView:
    """Writes the transcript as one JSON object per line, without the commands."""

    repeats = False

    def __init__(self, stream: LineWriter) -> None:
        self._stream = stream
        self._encoder = msgspec.json.Encoder()

    def show(self, entry: Entry) -> None:
        """Write an entry."""
        line: Line
        match entry:
            case Said(command=True):
                return
            case Said(text=text):
                line = TextLine("reply", safe_line(text))
            case TaskNews(change=change):
                line = TaskLine(change.event, change.seq, change.task)
            case Reply(lines=lines, answer=answer):
                line = answer or TextLine("reply", "\n".join(lines))
            case Problem(text=text):
                line = TextLine("error", text)
            case _:
                assert_never(entry)
        document = self._encoder.encode(line).decode()
        self._stream.write(f"{safe_json(document)}\n")

    def flush(self) -> None:
        """Write buffered entries."""
        self._stream.flush()
