"""A session's folder: who owns it, what is in it, and files that do not belong there.

    <folder>/lock               held by the program that has the session open; also
                                what must outlive a damaged journal: see `Owner`
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
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec.structs import replace

from ..journal.sqlite import LARGEST, SqliteJournal
from ..journal.sqlite_file import (
    DamagedJournalError,
    ForeignSessionError,
    JournalError,
    set_aside,
)
from ..rules.safe_text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..journal.protocol import Memory
    from ..rules.task import Task

_OUTPUT_FILE: Final = re.compile(r"(\d{1,18})\.log")


class FolderError(Exception):
    """The folder can't be used; the text says why and what to do."""


class Owner(msgspec.Struct, frozen=True):
    """Who has a session open, and what would be missed if the journal were lost.

    Written into the lock file, for others to read and for the next program.

    Attributes:
        pid: The process that has it open.
        since: Since when.
        key: The session's key, part of the mark of its processes.
        folder: The device and inode of the folder that the key is for. A copy of the
            folder has others, and so gets another key: its original's processes are
            none of its business.
        next_id: No id from this one on was ever used.
    """

    pid: int
    since: datetime
    key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")] | None = None
    folder: tuple[int, int] | None = None
    next_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)] = 1


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
        self._lock_path = path / "lock"
        try:
            self._lock = self._make()
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
        # Not the close alone: a process forked meanwhile may have the file open still.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
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
            aside = set_aside(self.journal_path)
            warning = (
                f"{error}; it was set aside as {aside}, and the session starts empty:"
                f" its output files are still in {self.output}"
            )
        journal, memory = self._load()
        # What it left running is known by its mark alone, and must be looked for.
        return journal, replace(memory, clean=False), warning

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

    def _make(self, flags: int = 0) -> int:
        """Make what is missing, and return the lock file, open."""
        for folder in (self.path, self.output):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags |= os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._lock_path, flags, 0o600)

    def _hold(self) -> None:
        """Make sure before a write that the folder is there, and still this session's.

        If somebody has deleted it, or the lock file, it is made again.

        Raises:
            ForeignSessionError: If another session has taken its place.
            JournalError: If it can't be made.
        """
        try:
            there = os.stat(self._lock_path)  # noqa: PTH116 - before each commit
        except FileNotFoundError:
            self._make_again()
        except OSError as error:
            raise JournalError(_not_writable(self.path, error)) from error
        else:
            if not os.path.samestat(there, os.fstat(self._lock)):
                raise self._foreign()

    def _make_again(self) -> None:
        try:
            lock = self._make(os.O_EXCL)
        except FileExistsError:
            raise self._foreign() from None
        except OSError as error:
            raise JournalError(_not_writable(self.path, error)) from error
        # Not ours before it is locked and says whose it is.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write_owner(lock, key=self._owner.key)
        except BlockingIOError:
            os.close(lock)
            raise self._foreign() from None
        except OSError as error:
            self._lock_path.unlink(missing_ok=True)
            os.close(lock)
            raise JournalError(_not_writable(self.path, error)) from error
        gone, self._lock = self._lock, lock
        os.close(gone)

    def _foreign(self) -> ForeignSessionError:
        return ForeignSessionError(
            f"{self.path} was deleted, and is another session now; leave this one"
        )

    def _load(self) -> tuple[SqliteJournal, Memory]:
        journal = SqliteJournal(self.journal_path, self._reserve_ids, self._hold)
        try:
            memory = journal.load(self._key())
            if memory.next_id == 1:
                # A new journal; an id is never used twice, and output never mixed.
                next_id = max(self._first_free_id(), self._owner.next_id)
                memory = replace(memory, next_id=next_id)
                journal.begin_at(next_id)
            self._write_owner(key=memory.session_key, next_id=memory.next_id)
        except OSError as error:
            journal.release()
            raise JournalError(_not_writable(self.path, error)) from error
        except BaseException:
            journal.release()
            raise
        return journal, memory

    def _key(self) -> str | None:
        """Return what the journal must have as its key; none for that which it has."""
        folder = self._place()
        owner = self._owner
        if owner.folder == folder:
            return owner.key
        # Older versions wrote neither; if there was no lock file, the journal may be
        # from anywhere.
        of_older_version = self._was_owned and owner.folder is None
        return None if of_older_version else os.urandom(6).hex()

    def _place(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _reserve_ids(self, next_id: int) -> None:
        try:
            self._write_owner(next_id=next_id)
        except OSError as error:
            raise JournalError(_not_writable(self.path, error)) from error

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
                f"session {self.path.name!r} is open already, in {self._who()};"
                " use that, or open another with --session NAME"
            ) from None
        before = self._read_owner()
        self._was_owned = before is not None
        self._owner = before or Owner(0, datetime.now(UTC))
        self._write_owner(pid=os.getpid(), since=datetime.now(UTC))

    def _read_owner(self) -> Owner | None:
        try:
            return msgspec.json.decode(os.pread(self._lock, 4096, 0), type=Owner)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _write_owner(self, lock: int | None = None, **changes: object) -> None:
        lock = self._lock if lock is None else lock
        owner = replace(self._owner, **changes)
        if "key" in changes:
            owner = replace(owner, folder=self._place())
        # As long as the old text at least, and in one write: on a full disk, or if this
        # is killed, the old text or the new one is there.
        text = msgspec.json.encode(owner).ljust(os.fstat(lock).st_size)
        os.pwrite(lock, text, 0)
        self._owner = owner

    def _who(self) -> str:
        owner = self._read_owner()
        if owner is None:
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
