"""The directory of a session: its lock, its contents, and untrusted files in it.

    <directory>/lock             locked by the program that has the session open; holds
                                 data that must survive a damaged journal: see `Owner`
    <directory>/session.db       the journal
    <directory>/output/<id>.log  the output of tasks
    <directory>/processes        the processes of running tasks, if jobs outlive a
                                 killed program; see `ProcessNotes`
    <directory>/exits            the exit statuses of these processes; see `ExitNotes`

Directories have mode 0700 and files 0600, since output may contain secrets. Opening a
session runs its queue, so directories and files that other users can change are
refused; see `own_files`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec.structs import replace

from ..journal.errors import DamagedJournalError, ForeignSessionError, JournalError
from ..journal.sqlite import SqliteJournal
from ..journal.sqlite_file import set_aside, set_wal_aside
from ..own_files import NotOwnError, look_below, open_below, open_folder
from ..processes import proc
from ..processes.exit_notes import NAME as EXITS_NAME
from ..processes.exit_notes import ExitNotes
from ..processes.notes import ProcessNotes
from ..rules.moment import is_plausible
from ..rules.numbers import LARGEST
from .folder_errors import FolderError, InUseError, check_path, unusable
from .lost_changes import restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..journal.protocol import Memory
    from ..rules.task import Task

_FORKED: Final = 1.0
"""Seconds within which a child that a killed program has just forked calls `exec`."""

JOURNAL_NAME: Final = "session.db"

_OUTPUT_FILE: Final = re.compile(r"([1-9][0-9]{0,11})\.log")
"""The name of an output file; names with more digits are ignored."""

_LONGEST_LOCK: Final = 4096  # bytes; an `Owner` is shorter


class Owner(msgspec.Struct, frozen=True):
    """The contents of the lock file: the owner, and data to survive a lost journal.

    Other programs read it, and so does the next owner.

    Attributes:
        pid: The process that has the session open.
        since: When it opened the session.
        key: The session's key, part of the mark of its processes.
        folder: The device and inode of the directory of the key. A copied directory
            has different ones, so it gets a new key, which separates its processes
            from those of the original.
        next_id: The lowest id that was never used.
        seq: The number of the last change in the journal; None if an older version
            wrote this, whose `next_id` may be too high.
    """

    pid: int
    since: datetime
    key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")] | None = None
    folder: tuple[int, int] | None = None
    next_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)] = 1
    seq: Annotated[int, msgspec.Meta(ge=0, le=LARGEST)] | None = None

    def __post_init__(self) -> None:
        """Check that the date can be shown."""
        if not is_plausible(self.since):
            raise ValueError(f"{self.since} is not a date of this program")


def read_owner(lock: int) -> Owner | None:
    """Return the content of an open lock file; None if it is not valid."""
    try:
        return msgspec.json.decode(os.pread(lock, _LONGEST_LOCK, 0), type=Owner)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class SessionFolder:
    """The directory of a session, locked by this process until `close`.

    Created if it is missing.

    Raises:
        FolderError: If it can't be written, another program has the session open, or
            the path is not valid UTF-8.
    """

    def __init__(self, path: Path) -> None:
        check_path(path)
        self.path = path
        self.output = path / "output"
        self._output_prefix = f"{self.output}/"
        self.journal_path = path / JOURNAL_NAME
        self.exits = ExitNotes(path / EXITS_NAME)
        self._lock_path = path / "lock"
        self._is_own = False  # whether the journal certainly belongs to this directory
        try:
            self._folder, self._lock = self._make()
        except OSError as error:
            raise FolderError(unusable(path, error)) from error
        try:
            self._take()
            self._probe()
        except BaseException as error:
            os.close(self._lock)
            os.close(self._folder)
            if isinstance(error, OSError):
                raise FolderError(unusable(path, error)) from error
            raise

    def close(self) -> None:
        """Unlock the session."""
        # Explicitly, since a forked process may still have the file open.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        os.close(self._lock)
        os.close(self._folder)

    def open_journal(
        self, hurried: Callable[[], bool] = lambda: False
    ) -> tuple[SqliteJournal, Memory, str | None]:
        """Open the journal; rename a damaged or foreign file.

        Returns:
            The journal, its contents, and a warning about a file that was renamed, or
            about lost changes.

        Raises:
            JournalError: If it can't be opened, or was written by a newer version.
        """
        aside = set_wal_aside(self.journal_path)
        try:
            journal, memory, lost = self._load(hurried)
        except DamagedJournalError as error:
            aside = set_aside(self.journal_path)
            warning = (
                f"{error}; it was set aside as {aside}, and the session starts empty:"
                f" its output files are still in {self.output}"
            )
        else:
            if aside is not None:
                before = f"{self.journal_path} was missing" if lost is None else lost
                lost = f"{before}; what was left of it was set aside as {aside}"
            return journal, memory, lost
        journal, memory, _ = self._load(hurried)
        # Processes are now known only by their marks, and must be searched for.
        return journal, replace(memory, clean=False), warning

    def open_notes(self, key: str, *, numbers: bool = False) -> ProcessNotes:
        """Open the notes about the processes of running tasks.

        If the journal may belong to another directory, the notes are deleted, since
        they may name unrelated processes. With `numbers`, a number is noted for each
        start.

        Raises:
            FolderError: If it can't be opened.
        """
        path = self.path / "processes"
        try:
            fd = open_below(self._folder, path, os.O_RDWR | os.O_CREAT)
            if not self._is_own:
                os.ftruncate(fd, 0)
        except OSError as error:
            raise FolderError(unusable(self.path, error)) from error
        return ProcessNotes(fd, key, numbers=numbers)

    def adopt(self, tasks: Iterable[Task]) -> list[Task]:
        """Return tasks with their output paths in this directory.

        The journal of a copied or moved directory contains the original paths. These
        files don't belong to this session, and must not be read or deleted.
        """
        # No call per task, since a history may be long.
        prefix = self._output_prefix
        return [
            task
            if (path := task.output_path) is None
            or path == (own := f"{prefix}{task.id}.log")
            else replace(task, output_path=own)
            for task in tasks
        ]

    def last_written(self) -> float:
        """Return when the journal was last written, in seconds since the epoch or 0."""
        times = [0.0]
        for suffix in ("", "-wal"):
            file = self.journal_path.with_name(f"{JOURNAL_NAME}{suffix}")
            with contextlib.suppress(OSError):
                if (found := look_below(self._folder, file)) is not None:
                    times.append(found.st_mtime)
        return max(times)

    def _make(self, flags: int = 0) -> tuple[int, int]:
        """Create missing files; return descriptors of directory and lock file."""
        folder = open_folder(self.path)
        try:
            os.close(open_folder(self.output, folder))
            flags |= os.O_RDWR | os.O_CREAT
            return folder, open_below(folder, self._lock_path, flags)
        except BaseException:
            os.close(folder)
            raise

    def _hold(self) -> None:
        """Check before a write that the directory still belongs to this session.

        If the directory or the lock file was deleted, it is created again.

        Raises:
            ForeignSessionError: If another session has replaced it.
            JournalError: If it can't be created.
        """
        try:
            # Half the cost of `Path.stat`, before each commit.
            there = os.stat(self._lock_path, follow_symlinks=False)  # noqa: PTH116
        except FileNotFoundError:
            self._make_again()
        except OSError as error:
            raise JournalError(unusable(self.path, error)) from error
        else:
            if not os.path.samestat(there, os.fstat(self._lock)):
                raise self._foreign()

    def _make_again(self) -> None:
        try:
            folder, lock = self._make(os.O_EXCL)
        except FileExistsError:
            raise self._foreign() from None
        except OSError as error:
            raise JournalError(unusable(self.path, error)) from error
        before, self._folder = self._folder, folder
        # It belongs to this process only after it is locked and written.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write_owner(lock, key=self._owner.key)
        except OSError as error:
            self._folder = before
            if not isinstance(error, BlockingIOError):
                os.unlink(self._lock_path.name, dir_fd=folder)
            os.close(lock)
            os.close(folder)
            if isinstance(error, BlockingIOError):
                raise self._foreign() from None
            raise JournalError(unusable(self.path, error)) from error
        os.close(before)
        gone, self._lock = self._lock, lock
        os.close(gone)

    def _foreign(self) -> ForeignSessionError:
        return ForeignSessionError(
            f"{self.path} was deleted, and is another session now; leave this one"
        )

    def _load(
        self, hurried: Callable[[], bool]
    ) -> tuple[SqliteJournal, Memory, str | None]:
        journal = SqliteJournal(
            self.journal_path, self._keep_numbers, self._hold, self.adopt, hurried
        )
        try:
            owner = self._owner
            # A lock file without `folder` was written by an older version or by hand.
            is_own = owner.folder is not None
            remembered = journal.load(self._key(), is_own=is_own, boot=proc.boot_id())
            memory, lost = restored(
                remembered, owner.next_id, owner.seq, self.output_ids()
            )
            if lost is not None:
                lost = f"{self.journal_path} {lost} {self.output}"
            journal.continue_at(memory.next_id, memory.seq)
            self._write_owner(
                key=memory.session_key, next_id=memory.next_id, seq=memory.seq
            )
            self._is_own = is_own
        except OSError as error:
            journal.release()
            raise JournalError(unusable(self.path, error)) from error
        except BaseException:
            journal.release()
            raise
        return journal, memory, lost

    def _key(self) -> str | None:
        """Return the key that the journal must have; None to accept its own."""
        folder = self._place()
        owner = self._owner
        if owner.folder == folder:
            return owner.key
        # Older versions wrote neither; without a lock file, the journal may come from
        # anywhere.
        of_older_version = self._was_owned and owner.folder is None
        return None if of_older_version else os.urandom(6).hex()

    def _place(self) -> tuple[int, int]:
        found = os.fstat(self._folder)
        return found.st_dev, found.st_ino

    def _keep_numbers(self, next_id: int, seq: int) -> None:
        try:
            self._write_owner(next_id=next_id, seq=seq)
        except OSError as error:
            raise JournalError(unusable(self.path, error)) from error

    def output_ids(self) -> frozenset[int]:
        """Return the ids of the tasks that have an output file.

        Raises:
            OSError: If the output directory can't be read.
        """
        output = open_folder(self.output, self._folder)
        try:
            names = os.listdir(output)  # noqa: PTH208 - of an open folder
        finally:
            os.close(output)
        return frozenset(
            int(match[1]) for name in names if (match := _OUTPUT_FILE.fullmatch(name))
        )

    def _take(self) -> None:
        until = time.monotonic() + _FORKED
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A child that a killed program has just forked briefly has its files.
                if self._owner_runs() or time.monotonic() > until:
                    where = f"in {self._owner_text()}; use that"
                    raise InUseError(
                        f"session {self.path.name!r} is open already, {where}"
                    ) from None
            time.sleep(0.01)
        size = os.fstat(self._lock).st_size
        if size > _LONGEST_LOCK:
            raise NotOwnError(
                f"it has {size} bytes, and so was not written by this program; remove"
                " it",
                self._lock_path,
            )
        before = read_owner(self._lock)
        self._was_owned = before is not None
        self._owner = before or Owner(0, datetime.now(UTC))
        self._write_owner(pid=os.getpid(), since=datetime.now(UTC))

    def _owner_runs(self) -> bool:
        owner = read_owner(self._lock)
        if owner is None or not owner.pid:
            return True  # unknown, so assume that it does
        now = proc.stat(owner.pid)
        return now is not None and not now.ended

    def _write_owner(self, lock: int | None = None, **changes: object) -> None:
        lock = self._lock if lock is None else lock
        owner = replace(self._owner, **changes)
        if "key" in changes:
            owner = replace(owner, folder=self._place())
        # At least as long as the old text, and in one write: after a full disk or a
        # kill, the file contains either the old or the new text.
        text = msgspec.json.encode(owner).ljust(os.fstat(lock).st_size)
        os.pwrite(lock, text, 0)
        self._owner = owner

    def _owner_text(self) -> str:
        owner = read_owner(self._lock)
        if owner is None:
            return "another program"
        return f"process {owner.pid} since {owner.since.astimezone():%Y-%m-%d %H:%M}"

    def _probe(self) -> None:
        probe = self.output / ".probe"
        output = open_folder(self.output, self._folder)
        try:
            if look_below(output, probe) is not None:
                os.unlink(probe.name, dir_fd=output)
            os.close(open_below(output, probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(probe.name, dir_fd=output)
        finally:
            os.close(output)
