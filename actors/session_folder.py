"""A session's folder: who owns it, what is in it, and files that do not belong there.

    <folder>/lock               held by the program that has the session open
    <folder>/session.db         the journal
    <folder>/output/<id>.log    what tasks printed

Folders have mode 0700 and files 0600: output may hold secrets.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from .journal import DamagedJournalError, SqliteJournal
from .safe_text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .journal import Memory
    from .task import Task

_OUTPUT_FILE: Final = re.compile(r"(\d{1,18})\.log")


class FolderError(Exception):
    """The folder can't be used; the text says why and what to do."""


class Owner(msgspec.Struct, frozen=True):
    """Who has a session open; written into the lock file for others to read."""

    pid: int
    since: datetime


class SessionFolder:
    """A session's folder, owned by this process until `close`.

    Args:
        path: Made if it is missing.

    Raises:
        FolderError: If it can't be written, somebody else has the session open, or
            the path can't be written down because it is not valid UTF-8.
    """

    def __init__(self, path: Path) -> None:
        if not is_unicode(str(path)):
            raise FolderError(
                f"the path of the state directory, {str(path)!r}, is not valid UTF-8;"
                " name another with --state-dir DIR"
            )
        self.path = path
        self.output = path / "output"
        self._output_prefix = f"{self.output}/"
        self.journal_path = path / "session.db"
        try:
            for folder in (path, self.output):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = path / "lock"
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderError(_not_writable(path, error)) from error
        try:
            self._take()
            self._probe()
        except OSError as error:
            os.close(self._lock)
            raise FolderError(_not_writable(path, error)) from error
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Let others open the session."""
        os.close(self._lock)

    def open_journal(self) -> tuple[SqliteJournal, Memory, str | None]:
        """Open the journal; a damaged or foreign file is set aside under another name.

        Returns:
            The journal, what it remembers, and what is to be told about a file that
            was set aside.

        Raises:
            JournalError: If it can't be opened, or was written by a newer version.
        """
        try:
            return *self._load(), None
        except DamagedJournalError as error:
            warning = self._set_journal_aside(error)
            return *self._load(), warning

    def adopt(self, tasks: Iterable[Task]) -> list[Task]:
        """Return tasks with their output files in this folder.

        A folder that was copied or moved remembers where it was; what is there now is
        none of this session's business.
        """
        prefix = self._output_prefix
        return [
            task
            if (path := task.output_path) is None or path.startswith(prefix)
            else replace(task, output_path=f"{prefix}{task.id}.log")
            for task in tasks
        ]

    def last_written(self) -> float:
        """Return when a journal was last written, in seconds since the epoch.

        Returns 0 if there is none.
        """
        times = [0.0]
        for suffix in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                file = self.journal_path.with_name(f"session.db{suffix}")
                times.append(file.stat().st_mtime)
        return max(times)

    def _load(self) -> tuple[SqliteJournal, Memory]:
        journal = SqliteJournal(self.journal_path)
        try:
            memory = journal.load()
        except BaseException:
            journal.release()
            raise
        if memory.next_id == 1:
            # A new journal; an id is never used twice, and output never mixed.
            memory = msgspec.structs.replace(memory, next_id=self._first_free_id())
        return journal, memory

    def _set_journal_aside(self, why: Exception) -> str:
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        aside = self.journal_path.with_name(f"session.db.damaged-{stamp}")
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                source = self.journal_path.with_name(f"session.db{suffix}")
                source.rename(aside.with_name(aside.name + suffix))
        return (
            f"{why}; it was set aside as {aside}, and the session starts empty: its"
            f" output files are still in {self.output}"
        )

    def _first_free_id(self) -> int:
        used = (
            int(match[1])
            for entry in self.output.iterdir()
            if (match := _OUTPUT_FILE.fullmatch(entry.name))
        )
        return max(used, default=0) + 1

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderError(
                f"session {self.path.name!r} is open already, in {self._owner()};"
                " use that, or open another with --session NAME"
            ) from None
        owner = msgspec.json.encode(Owner(os.getpid(), datetime.now(UTC)))
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, owner, 0)

    def _owner(self) -> str:
        try:
            owner = msgspec.json.decode(os.pread(self._lock, 4096, 0), type=Owner)
        except msgspec.MsgspecError:
            return "another program"
        return f"process {owner.pid} since {owner.since.astimezone():%Y-%m-%d %H:%M}"

    def _probe(self) -> None:
        probe = self.output / ".probe"
        probe.touch(mode=0o600)
        probe.unlink()


def _not_writable(path: Path, error: OSError) -> str:
    remedy = "make room" if error.errno == errno.ENOSPC else "make it writable"
    return (
        f"can't write to the state directory {path}: {error.strerror};"
        f" {remedy}, or name another with --state-dir DIR"
    )
