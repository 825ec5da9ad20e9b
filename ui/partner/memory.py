"""The stored conversations of the partner, as sent to its model.

A file of the session, with one JSON object per line, private to its owner. The process
that has locked it is the session's partner; its end releases the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors.own_files import open_own
from .answer import Json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MESSAGES_KEPT: Final = 400
"""Minimum number of messages kept of each conversation."""

_NAME: Final = "partner.jsonl"
_REWRITE_BEYOND: Final = 8 << 20
_LONGEST: Final = 64 << 20


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file.

    Attributes:
        conversation: The name of the conversation.
        message: A message to or from the model, in the format of the protocol.
        told: Tasks whose end the model has been told.
        over: Whether its turn is over, so that no message is left to answer.
        allowed: A pattern of commands that it may run without asking.
        exactly: One command that it may run without asking.
        agent: The command of the agent with a session for the conversation.
        agent_session: The agent's id of that session.
        unanswered: Number of the person's last messages that this answer does not
            answer.
    """

    conversation: str = ""
    message: Json | None = None
    told: tuple[int, ...] = ()
    over: bool = False
    allowed: str = ""
    exactly: str = ""
    agent: str = ""
    agent_session: str = ""
    unanswered: int = 0


class Memory:
    """The file; without a directory, the records are only in memory.

    Args:
        directory: The folder of the session; None to write nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / _NAME
        self._fd = -1

    def claim(self, *, wait: bool) -> bool:
        """Become the session's partner, unless another process is.

        Args:
            wait: Whether to block until the other process has ended.

        Raises:
            OSError: If the file can't be used.
        """
        if self._path is None:
            return True
        while True:
            fd = open_own(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except OSError as error:
                os.close(fd)
                if error.errno in {errno.EAGAIN, errno.EACCES}:
                    return False
                raise
            if self._is_current(fd):
                self._fd = fd
                return True
            os.close(fd)  # it was replaced meanwhile

    def load(self) -> list[Record]:
        """Return all records, oldest first.

        Raises:
            OSError: If they can't be read.
        """
        if self._fd < 0:
            return []
        size = os.fstat(self._fd).st_size
        start = max(0, size - _LONGEST)
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(start)
            lines = file.read().split(b"\n")
        if lines[-1]:
            # An incomplete append must not damage the next one.
            self._write(b"\n")
        records = [it for line in lines[bool(start) :] if (it := _read(line))]
        if size > _REWRITE_BEYOND:
            records = _latest(records)
            self._rewrite(records)
        return records

    def add(self, *records: Record) -> None:
        """Write records. They survive the end of this process.

        Raises:
            OSError: If they can't be written.
        """
        if self._fd >= 0:
            self._write(b"".join(_line(it) for it in records))

    def close(self) -> None:
        """Release the lock, so that another process can be the session's partner."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_current(self, fd: int) -> bool:
        try:
            return self._path is not None and os.path.samestat(
                os.fstat(fd), self._path.lstat()
            )
        except FileNotFoundError:
            return False

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def _rewrite(self, records: list[Record]) -> None:
        """Replace the file by a shorter one; safe if killed meanwhile."""
        if self._path is None:
            return
        new = self._path.with_name(f"{_NAME}.new")
        new.unlink(missing_ok=True)
        fd = open_own(new, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        before, self._fd = self._fd, fd
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._write(b"".join(_line(it) for it in records))
            new.replace(self._path)
        except BaseException:
            self._fd = before
            os.close(fd)
            raise
        os.close(before)


def _latest(records: list[Record]) -> list[Record]:
    """Return the records without old messages, but with ends and permissions."""
    counts: dict[str, int] = {}
    kept: list[Record] = []
    for it in reversed(records):
        if it.message is None:
            kept.append(it)
            continue
        count = counts[it.conversation] = counts.get(it.conversation, 0) + 1
        if count <= MESSAGES_KEPT:
            kept.append(it)
        elif it.told:
            kept.append(Record(it.conversation, told=it.told))
    return kept[::-1]


def _line(record: Record) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _read(line: bytes) -> Record | None:
    """Parse a line; None if it is damaged."""
    try:
        return msgspec.json.decode(line, type=Record) if line.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def bounded(messages: Iterable[Json], characters: int) -> list[Json]:
    """Return the last messages that fit, never a tool's result without its call."""
    everything = [*messages]
    room, start = characters, len(everything)
    for index in range(len(everything) - 1, -1, -1):
        room -= len(msgspec.json.encode(everything[index]))
        if room < 0:
            break
        if everything[index]["role"] == "user":
            start = index
    if start == len(everything):
        # The last turn alone is too long: keep the question and the end.
        last = max(
            (i for i, it in enumerate(everything) if it["role"] == "user"), default=0
        )
        return _end_of_turn(everything[last:], characters)
    return everything[start:]


def _end_of_turn(turn: list[Json], characters: int) -> list[Json]:
    room, start = characters, len(turn)
    for index in range(len(turn) - 1, 0, -1):
        room -= len(msgspec.json.encode(turn[index]))
        if room < 0:
            break
        if turn[index]["role"] == "assistant":
            start = index
    return [*turn[:1], *turn[start:]]


def repaired(messages: Iterable[Json], result: str) -> list[Json]:
    """Return messages in which every tool call is followed by a result, maybe this one.

    Messages from the time of the calls come after their results.
    """
    whole: list[Json] = []
    missing: dict[str, None] = {}
    later: list[Json] = []

    def fill() -> None:
        whole.extend(
            {"role": "tool", "tool_call_id": it, "content": result} for it in missing
        )
        whole.extend(later)
        missing.clear()
        later.clear()

    for it in messages:
        match it.get("role"):
            case "tool":
                call_id = str(it.get("tool_call_id"))
                if call_id in missing:
                    del missing[call_id]
                    whole.append(it)
                if not missing:
                    fill()
            case "user" if missing:
                later.append(it)
            case _:
                fill()
                calls: list[Json] = it.get("tool_calls") or []
                missing.update((str(call.get("id")), None) for call in calls)
                whole.append(it)
    fill()
    return whole
