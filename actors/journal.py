"""The journal: what a session must remember, in SQLite.

The QueueActor writes down every change before anybody hears of it. A journal is a
buffer with a `commit`: whatever was noted since the last one is written in a single
transaction, so a burst costs one write. If a commit fails, nothing is lost: it stays
noted, and the next commit tries again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from .chat import ChatMessage
from .messages import ProcessRecord, TaskChanged, TaskEvent
from .safe_text import brief, safe_line
from .task import Task

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

APPLICATION_ID: Final = 0x6261636B
"""What SQLite files of this program carry at byte 68 (`back`)."""

MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, snapshot TEXT NOT NULL
    );
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY, task_id INTEGER NOT NULL, event TEXT NOT NULL,
        snapshot TEXT NOT NULL
    );
    CREATE INDEX changes_of_task ON changes (task_id);
    CREATE TABLE processes (
        task_id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, created REAL NOT NULL
    );
    INSERT INTO meta VALUES
        ('next_id', 1), ('seq', 0), ('shown', 0), ('clean', 1);
    """,
    """
    CREATE TABLE chat (
        id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, message TEXT NOT NULL
    );
    """,
)
"""How each version of the schema is made from the one before it."""


_LOCK_TIMEOUT: Final = 0.25  # seconds that the queue stands still if others hold it


_PRIMARY: Final = 0xFF  # the part of an SQLite error code that names its family
_LITTLE_ROOM: Final = 1 << 16  # bytes; what SQLite wants to share with other readers
_NOT_ITS_FAULT: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""What SQLite says when the file may be whole, and only can't be used now."""


class JournalError(Exception):
    """The journal could not be read or written; the text says why."""


class DamagedJournalError(JournalError):
    """The file is not, or no longer, a journal of this program."""


class Memory(msgspec.Struct, frozen=True):
    """What a session remembers when it is opened.

    Attributes:
        session_key: Part of the mark of its processes.
        next_id: The id of the next task.
        seq: The number of the last change.
        shown: The number of the last change that was shown to somebody.
        clean: Whether the session was closed in order when it ended last.
        tasks: All tasks, in the order of their last changes.
        processes: Those of tasks that had not ended.
    """

    session_key: str
    next_id: int = 1
    seq: int = 0
    shown: int = 0
    clean: bool = True
    tasks: tuple[Task, ...] = ()
    processes: tuple[ProcessRecord, ...] = ()


class Journal(Protocol):
    """Takes note of what must be remembered. Only the QueueActor calls it."""

    def changed(self, change: TaskChanged) -> None:
        """Note a change of a task."""
        ...

    def runs_as(self, process: ProcessRecord) -> None:
        """Note the process of a task."""
        ...

    def forgot(self, ids: Iterable[int]) -> None:
        """Note that tasks are forgotten."""
        ...

    def said(self, message: ChatMessage, seq: int) -> None:
        """Note a chat message that was said after the change with this number."""
        ...

    def shown(self, seq: int) -> None:
        """Note that all changes up to this one have been shown."""
        ...

    def commit(self) -> None:
        """Write down what was noted since the last commit. Blocks for the write.

        Raises:
            JournalError: If that fails; everything stays noted for the next commit.
        """
        ...

    def unshown(self) -> tuple[TaskChanged, ...]:
        """Return the changes that were never shown, in order.

        Raises:
            JournalError: If they can't be read.
        """
        ...

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return the last of what was said and what was shown, in order.

        Args:
            limit: How many at most.

        Raises:
            JournalError: If they can't be read.
        """
        ...

    def close(self, *, clean: bool) -> None:
        """Commit and release the file.

        Args:
            clean: Whether nothing is left running.

        Raises:
            JournalError: If that fails; the file is released nevertheless.
        """
        ...


class NoJournal:
    """Remembers nothing: for sessions that end with their process."""

    def changed(self, change: TaskChanged) -> None:
        """Forget it."""

    def runs_as(self, process: ProcessRecord) -> None:
        """Forget it."""

    def forgot(self, ids: Iterable[int]) -> None:
        """Forget it."""

    def said(self, message: ChatMessage, seq: int) -> None:
        """Forget it."""

    def shown(self, seq: int) -> None:
        """Forget it."""

    def commit(self) -> None:
        """Have nothing to write."""

    def unshown(self) -> tuple[TaskChanged, ...]:
        """Return nothing."""
        return ()

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return nothing."""
        del limit
        return ()

    def close(self, *, clean: bool) -> None:
        """Have nothing to release."""
        del clean


class _Noted:
    """What waits for the next commit."""

    def __init__(self) -> None:
        self.tasks: dict[int, tuple[int, int, str]] = {}
        self.changes: list[tuple[int, int, str, str]] = []
        self.processes: list[tuple[int, int, float]] = []
        self.chat: list[tuple[int, str]] = []
        self.forgotten: list[tuple[int]] = []
        self.meta: dict[str, int] = {}

    def is_empty(self) -> bool:
        """Tell whether there is nothing to write."""
        return not (
            self.changes or self.meta or self.chat or self.processes or self.forgotten
        )

    def write(self, db: sqlite3.Connection) -> None:
        """Write all of it; forgetting comes last, so that it wins."""
        for statement, rows in (
            ("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?)", self.tasks.values()),
            ("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?)", self.changes),
            ("INSERT INTO chat (seq, message) VALUES (?, ?)", self.chat),
            ("INSERT OR REPLACE INTO processes VALUES (?, ?, ?)", self.processes),
            ("DELETE FROM tasks WHERE id = ?", self.forgotten),
            ("DELETE FROM changes WHERE task_id = ?", self.forgotten),
            ("DELETE FROM processes WHERE task_id = ?", self.forgotten),
            ("INSERT OR REPLACE INTO meta VALUES (?, ?)", self.meta.items()),
        ):
            # Every statement costs a round through the interpreter's lock.
            if rows:
                db.executemany(statement, rows)


class SqliteJournal:
    """A journal in an SQLite file.

    Args:
        path: The file; made if it is missing, with an empty session in it.

    Raises:
        DamagedJournalError: If the file is not a journal, or is damaged.
        JournalError: If it can't be opened, or is of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted = _Noted()
        self._seq = 0
        self._next_id = 1
        self._encode = msgspec.json.Encoder().encode
        try:
            path.touch(mode=0o600)
            # Made here, used by the QueueActor's thread alone.
            self._db = sqlite3.connect(
                path,
                timeout=_LOCK_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"can't open {path}: {error}") from error
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def load(self) -> Memory:
        """Return all that is remembered, and note that the session is open now.

        Raises:
            DamagedJournalError: If the file is damaged.
            JournalError: If it can't be read or written.
        """
        with self._explained():
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
            rows = self._db.execute("SELECT seq, snapshot FROM tasks")
            seqs: list[int] = []
            tasks: list[Task] = []
            # Not a list of pairs, which the collector of cycles would look through.
            for last, snapshot in rows:
                seqs.append(last)
                tasks.append(_decode_task(snapshot))
            by_change = sorted(range(len(tasks)), key=seqs.__getitem__)
            processes = self._db.execute("SELECT task_id, pid, created FROM processes")
            (seq,) = self._db.execute("SELECT max(seq) FROM changes").fetchone()
            (newest,) = self._db.execute("SELECT max(id) FROM tasks").fetchone()
            session_key = meta.get("session_key") or os.urandom(6).hex()
            memory = Memory(
                session_key=session_key,
                next_id=max(meta["next_id"], (newest or 0) + 1),
                # Progress has numbers too, and is shown without being written down.
                seq=max(meta["seq"], meta["shown"], seq or 0),
                shown=meta["shown"],
                clean=bool(meta["clean"]),
                tasks=tuple([tasks[place] for place in by_change]),
                processes=tuple(ProcessRecord(*row) for row in processes),
            )
            self.unshown()  # to be shown later; if it is damaged, now is the time
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES ('session_key', ?), ('clean', 0)",
                (session_key,),
            )
        self._seq, self._next_id = memory.seq, memory.next_id
        return memory

    def changed(self, change: TaskChanged) -> None:
        """Note a change of a task; progress is not worth a write."""
        if change.event is TaskEvent.PROGRESS:
            return
        task, noted = change.task, self._noted
        snapshot = self._encode(task).decode()
        noted.tasks[task.id] = (task.id, change.seq, snapshot)
        noted.changes.append((change.seq, task.id, change.event.value, snapshot))
        self._seq = change.seq
        self._next_id = max(self._next_id, task.id + 1)

    def runs_as(self, process: ProcessRecord) -> None:
        """Note the process of a task."""
        row = (process.task_id, process.pid, process.created)
        self._noted.processes.append(row)

    def forgot(self, ids: Iterable[int]) -> None:
        """Note that tasks are forgotten."""
        noted = self._noted
        noted.forgotten.extend((task_id,) for task_id in ids)
        if noted.forgotten:
            # The rows that tell them may be among those that go.
            noted.meta |= {"seq": self._seq, "next_id": self._next_id}

    def said(self, message: ChatMessage, seq: int) -> None:
        """Note a chat message that was said after the change with this number."""
        self._noted.chat.append((seq, self._encode(message).decode()))

    def shown(self, seq: int) -> None:
        """Note that all changes up to this one have been shown."""
        self._noted.meta["shown"] = seq

    def commit(self) -> None:
        """Write down what was noted, in one transaction.

        Raises:
            JournalError: If that fails; everything stays noted for the next commit.
        """
        if self._noted.is_empty():
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._noted.write(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            with self._explained():
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
        self._noted = _Noted()

    def unshown(self) -> tuple[TaskChanged, ...]:
        """Return the changes that were never shown, in order."""
        with self._explained():
            rows = self._db.execute(
                "SELECT seq, event, snapshot FROM changes WHERE seq >"
                " (SELECT value FROM meta WHERE key = 'shown') ORDER BY seq"
            )
            return tuple(_decode_change(*row) for row in rows)

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return the last of what was said and what was shown, in order."""
        with self._explained():
            # A message comes after the change whose number it carries.
            rows = self._db.execute(
                "SELECT seq, 0, 0, event, snapshot FROM changes WHERE seq <="
                " (SELECT value FROM meta WHERE key = 'shown')"
                " UNION ALL SELECT seq, 1, id, NULL, message FROM chat"
                " ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT ?",
                (limit,),
            ).fetchall()
            return tuple(
                _decode_message(text)
                if event is None
                else _decode_change(seq, event, text)
                for seq, _, _, event, text in reversed(rows)
            )

    def close(self, *, clean: bool) -> None:
        """Commit and release the file."""
        try:
            if clean:
                self._noted.meta["clean"] = 1
                self._noted.meta |= {"seq": self._seq, "next_id": self._next_id}
            self.commit()
        finally:
            self.release()

    def release(self) -> None:
        """Release the file without a commit; does nothing if it is released."""
        self._db.close()

    def _prepare(self) -> None:
        with self._explained():
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            (objects,) = self._db.execute(
                "SELECT count(*) FROM sqlite_schema"
            ).fetchone()
        if objects and application != APPLICATION_ID:
            raise DamagedJournalError(f"{self._path} belongs to another program")
        if version > len(MIGRATIONS):
            raise JournalError(
                f"{self._path} was written by a newer version of this program"
                f" (schema {version}, this one knows {len(MIGRATIONS)}); update it,"
                " or open another session"
            )
        with self._explained():
            self._db.execute("PRAGMA journal_mode = WAL")
            # A commit survives the end of this process; only a power cut may undo
            # the last ones, and that ends the jobs as well.
            self._db.execute("PRAGMA synchronous = NORMAL")
            for number, script in enumerate(MIGRATIONS[version:], version + 1):
                self._db.executescript(
                    f"BEGIN; {script} PRAGMA application_id = {APPLICATION_ID};"
                    f" PRAGMA user_version = {number}; COMMIT;"
                )

    def _cause(self, error: Exception) -> str:
        # SQLite calls most ways to run out of room a "disk I/O error".
        with contextlib.suppress(OSError):
            if shutil.disk_usage(self._path.parent).free < _LITTLE_ROOM:
                return f"the disk is full ({error})"
        return str(error)

    @contextlib.contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except (
            sqlite3.DatabaseError,
            msgspec.MsgspecError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:
            code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code & _PRIMARY in _NOT_ITS_FAULT:
                raise JournalError(f"{self._path}: {self._cause(error)}") from error
            why = safe_line(brief(str(error)))
            raise DamagedJournalError(f"{self._path} is damaged: {why}") from error


_decode_message = msgspec.json.Decoder(ChatMessage).decode
_decode_task = msgspec.json.Decoder(Task).decode


def _decode_change(seq: int, event: str, snapshot: str) -> TaskChanged:
    return TaskChanged(seq, TaskEvent(event), _decode_task(snapshot))
