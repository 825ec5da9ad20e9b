"""A session's folder: who owns it, what is in it, and files that do not belong there.

    <folder>/lock               held by the program that has the session open; also
                                what must outlive a damaged journal: see `Owner`
    <folder>/session.db         the journal
    <folder>/output/<id>.log    what tasks printed
    <folder>/processes          which process each running task is, if jobs go on when
                                the program is killed; see `ProcessNotes`
    <folder>/exits              how such processes ended; see `ExitNotes`

Folders have mode 0700 and files 0600: output may hold secrets. Opening a session runs
its queue: a folder that is not this user's alone is refused, and so is every file in
it; see `own_files`.
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
"""Seconds in which what a killed program was just forking loads another program."""

JOURNAL_NAME: Final = "session.db"

_OUTPUT_FILE: Final = re.compile(r"([1-9][0-9]{0,11})\.log")
"""The name of an output file; with more digits it is none of ours."""

_LONGEST_LOCK: Final = 4096  # bytes; more than an `Owner` takes


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
        seq: The number of the last change that the journal had; None if an older
            version wrote this, whose `next_id` may be too high.
    """

    pid: int
    since: datetime
    key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")] | None = None
    folder: tuple[int, int] | None = None
    next_id: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)] = 1
    seq: Annotated[int, msgspec.Meta(ge=0, le=LARGEST)] | None = None

    def __post_init__(self) -> None:
        """Refuse a date that can't be shown."""
        if not is_plausible(self.since):
            raise ValueError(f"{self.since} is not a date of this program")


class SessionFolder:
    """A session's folder, made if it is missing; owned by this process until `close`.

    Raises:
        FolderError: If it can't be written, somebody else has the session open, or
            the path can't be written down because it is not valid UTF-8.
    """

    def __init__(self, path: Path) -> None:
        check_path(path)
        self.path = path
        self.output = path / "output"
        self._output_prefix = f"{self.output}/"
        self.journal_path = path / JOURNAL_NAME
        self.exits = ExitNotes(path / EXITS_NAME)
        self._lock_path = path / "lock"
        self._is_own = False  # whether the journal is known to be of this folder
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
        """Let others open the session."""
        # Not the close alone: a process forked meanwhile may have the file open still.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        os.close(self._lock)
        os.close(self._folder)

    def open_journal(
        self, hurried: Callable[[], bool] = lambda: False
    ) -> tuple[SqliteJournal, Memory, str | None]:
        """Open the journal; a damaged or foreign file is set aside under another name.

        Returns:
            The journal, what it remembers, and what is to be told about a file that
            was set aside.

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
        # What it left running is known by its mark alone, and must be looked for.
        return journal, replace(memory, clean=False), warning

    def open_notes(self, key: str, *, numbers: bool = False) -> ProcessNotes:
        """Open what is written down of the processes of running tasks.

        Unless the journal is known to be of this folder, all of it is deleted: it may
        name anybody's processes. With `numbers` a keeper notes one for each start.

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
        """Return tasks with their output files in this folder.

        Even if a journal says otherwise, the file of a task is the one with its id: it
        is read, and deleted with the task. A folder that was copied or moved remembers
        where it was; the files there do not belong to this session.
        """
        # Without a call for each of a long history.
        prefix = self._output_prefix
        return [
            task
            if (path := task.output_path) is None
            or path == (own := f"{prefix}{task.id}.log")
            else replace(task, output_path=own)
            for task in tasks
        ]

    def last_written(self) -> float:
        """Return when a journal was last written, in seconds since the epoch, or 0."""
        times = [0.0]
        for suffix in ("", "-wal"):
            file = self.journal_path.with_name(f"{JOURNAL_NAME}{suffix}")
            with contextlib.suppress(OSError):
                if (found := look_below(self._folder, file)) is not None:
                    times.append(found.st_mtime)
        return max(times)

    def _make(self, flags: int = 0) -> tuple[int, int]:
        """Make what is missing; return the folder and the lock file, open."""
        folder = open_folder(self.path)
        try:
            os.close(open_folder(self.output, folder))
            flags |= os.O_RDWR | os.O_CREAT
            return folder, open_below(folder, self._lock_path, flags)
        except BaseException:
            os.close(folder)
            raise

    def _hold(self) -> None:
        """Make sure before a write that the folder is there, and still this session's.

        If somebody has deleted it, or the lock file, it is made again.

        Raises:
            ForeignSessionError: If another session has taken its place.
            JournalError: If it can't be made.
        """
        try:
            # Half the cost of Path, before each commit.
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
        # Not ours before it is locked and says whose it is.
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
            # A lock file without a place is an older version's, or was made by hand.
            is_own = owner.folder is not None
            remembered = journal.load(self._key(), is_own=is_own, boot=proc.boot_id())
            memory, lost = restored(
                remembered, owner.next_id, owner.seq, self.output_ids()
            )
            if lost is not None:
                lost = f"{self.journal_path} {lost} {self.output}"
            journal.go_on_at(memory.next_id, memory.seq)
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
        """Return what the journal must have as its key; None for that which it has."""
        folder = self._place()
        owner = self._owner
        if owner.folder == folder:
            return owner.key
        # Older versions wrote neither; if there was no lock file, the journal may be
        # from anywhere.
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
            OSError: If its folder can't be read.
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
                # What a killed program had just forked has its files for a moment.
                if self._owner_runs() or time.monotonic() > until:
                    raise InUseError(
                        f"session {self.path.name!r} is open already, in {self._who()};"
                        " use that"
                    ) from None
            time.sleep(0.01)
        size = os.fstat(self._lock).st_size
        if size > _LONGEST_LOCK:
            raise NotOwnError(
                f"it has {size} bytes, and so was not written by this program; remove"
                " it",
                self._lock_path,
            )
        before = self._read_owner()
        self._was_owned = before is not None
        self._owner = before or Owner(0, datetime.now(UTC))
        self._write_owner(pid=os.getpid(), since=datetime.now(UTC))

    def _owner_runs(self) -> bool:
        owner = self._read_owner()
        if owner is None or not owner.pid:
            return True  # as far as anybody knows
        now = proc.stat(owner.pid)
        return now is not None and not now.ended

    def _read_owner(self) -> Owner | None:
        try:
            text = os.pread(self._lock, _LONGEST_LOCK, 0)
            return msgspec.json.decode(text, type=Owner)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
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
        output = open_folder(self.output, self._folder)
        try:
            if look_below(output, probe) is not None:
                os.unlink(probe.name, dir_fd=output)
            os.close(open_below(output, probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(probe.name, dir_fd=output)
        finally:
            os.close(output)
