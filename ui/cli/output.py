"""Copies output of tasks to standard output, and tracks the position in it."""

from __future__ import annotations

import codecs
import io
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from ...actors import Task, TaskStatus
from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import safe_json

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

_CHUNK: Final = 1 << 16
_PIECE: Final = 1 << 20


class Position(msgspec.Struct, frozen=True):
    """A position in the output of a task.

    Attributes:
        offset: Offset in bytes.
        task_id: The task; None for the one that the command names.
    """

    offset: int
    task_id: int | None = None

    def __str__(self) -> str:
        """Format it for `--since`."""
        return (
            str(self.offset)
            if self.task_id is None
            else f"{self.task_id}:{self.offset}"
        )


class Piece(msgspec.Struct, frozen=True):
    """A part of a task's output, as written by `log --json`.

    Attributes:
        id: The task.
        status: Its status. If it is final, this is the last part.
        offset: The offset of the part in the output.
        next: The value of `--since` to continue after the part.
        output: The text; invalid UTF-8 is replaced.
    """

    id: int
    status: TaskStatus
    offset: int
    next: str
    output: str


class OutputCopy:
    """Copies the output of a task to standard output, in several calls.

    Args:
        task: The task; it has an output file.
        offset: The offset to start at.
        pattern: If given, only matching lines are copied.
        as_json: Whether to write a `Piece` for each mebibyte instead of the bytes.
    """

    def __init__(
        self,
        task: Task,
        offset: int = 0,
        pattern: re.Pattern[str] | None = None,
        *,
        as_json: bool = False,
    ) -> None:
        self._task = task
        self._offset = offset
        self._pattern = pattern
        self._as_json = as_json
        self._said: tuple[TaskStatus, int] | None = None

    @property
    def position(self) -> Position:
        """The position after the copied part."""
        return Position(self._offset, self._task.id)

    def copy(self, task: Task) -> None:
        """Copy the available output. Blocks while standard output is not read.

        Args:
            task: The current task; while it runs, an incomplete line or character is
                left for the next call where that matters.

        Raises:
            OSError: If the output can't be read or written.
        """
        self._task = task
        try:
            with _open(task) as file:
                self._begin_again_if_emptied(file)
                file.seek(self._offset)
                self._copy(file)
        except FileNotFoundError:
            pass  # it has printed nothing yet
        sys.stdout.flush()

    def end(self) -> None:
        """Write a piece without text, if no earlier piece has the final state."""
        if self._as_json and self._said != (self._task.status, self._offset):
            self._say("", self._offset)
            sys.stdout.flush()

    def _begin_again_if_emptied(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        if size < self._offset:
            sys.stderr.write(
                f"backburner: #{self._task.id} has less than {self._offset} bytes of"
                " output; all of it follows\n"
            )
            self._offset = 0

    def _copy(self, file: BinaryIO) -> None:
        for data in self._parts(file):
            begin, self._offset = self._offset, self._offset + len(data)
            if self._pattern is not None:
                data = self._matching(data)  # noqa: PLW2901 - the same, shorter
            if not self._as_json:
                sys.stdout.buffer.write(data)
            elif data:
                self._say(data.decode("utf-8", "replace"), begin)

    def _parts(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the rest of the file; whole lines or characters where that matters."""
        if self._pattern is not None:
            return self._lines(file)
        if self._as_json:
            return self._texts(file)
        return iter(partial(file.read, _CHUNK), b"")

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        lines: list[bytes] = []
        size = 0
        for line in file:
            if not line.endswith(b"\n") and not self._task.status.is_final:
                break
            lines.append(line)
            size += len(line)
            if size > _PIECE:
                yield b"".join(lines)
                lines, size = [], 0
        yield b"".join(lines)

    def _texts(self, file: BinaryIO) -> Iterator[bytes]:
        begun = b""
        while data := begun + file.read(_PIECE):
            end = len(data) - _begun_character(data)
            if len(data) < _PIECE and self._task.status.is_final:
                end = len(data)
            if end == 0:
                break
            yield data[:end]
            begun = data[end:]

    def _matching(self, data: bytes) -> bytes:
        assert self._pattern is not None  # noqa: S101 - for the type checker
        search = self._pattern.search
        return b"".join(
            line for line in io.BytesIO(data) if search(line.decode("utf-8", "replace"))
        )

    def _say(self, text: str, begin: int) -> None:
        task = self._task
        self._said = (task.status, self._offset)
        piece = Piece(task.id, task.status, begin, str(self.position), text)
        line = safe_json(msgspec.json.encode(piece).decode())
        sys.stdout.write(f"{line}\n")


def _open(task: Task) -> BinaryIO:
    if task.output_path is None:
        raise FileNotFoundError
    return os.fdopen(open_output(Path(task.output_path)), "rb")


def _begun_character(data: bytes) -> int:
    """Return the length of the incomplete character at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data[-4:])
    return len(decoder.getstate()[0])
