"""The journal in an SQLite file. See `Journal`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.attempts import may_run_again
from ..rules.field_types import plain
from ..rules.numbers import LARGEST, LAST_OPENED
from ..rules.process_record import ProcessRecord
from .connection import JournalConnection
from .environments import EnvironmentRows
from .errors import DamagedJournalError, JournalError, explained
from .noted import Noted
from .protocol import Journal, Memory
from .rows import (
    Adopt,
    ProcessRow,
    ScheduleRow,
    decode_rules,
    load_meta,
    load_processes,
    load_schedules,
    load_tasks,
    load_transcript,
    load_unshown,
)
from .sqlite_file import check, set_aside
from .written import Standings, row_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..messages import TaskChanged
    from ..rules.chat_message import ChatMessage
    from ..rules.schedules import Schedule
    from ..rules.terms import QueueRules
    from ..rules.variables import Variables
    from .protocol import Everything


CHAT_KEPT: Final = 10_000
"""Maximum number of chat messages that a session keeps when it is reopened."""


class SqliteJournal(Journal):
    """A journal in an SQLite file.

    Args:
        path: The file; created with an empty session if it is missing.
        keep: Called after each write, before it is announced, with the id of the next
            task and the number of the last change, to store them elsewhere; raises
            `JournalError` on failure.
        hold: Called before each write: verifies that the folder belongs to this
            session, and recreates it if it is gone; raises `JournalError` on failure.
        adopt: Corrects tasks by facts from their session's folder.
        hurried: Returns, on any thread, whether a caller waits for the end of the work.

    Raises:
        DamagedJournalError: If the file is not a journal, or is damaged.
        JournalError: If it can't be opened, or is of a newer version.
    """

    def __init__(
        self,
        path: Path,
        keep: Callable[[int, int], None] | None = None,
        hold: Callable[[], None] | None = None,
        adopt: Adopt = lambda tasks: tasks,
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = path
        self._adopt = adopt
        self._file = JournalConnection(path, hurried)
        self._keep = keep
        self._hold = hold
        self._noted = Noted()
        self._environments = EnvironmentRows()
        self._seq = 0
        self._next_id = 1
        self._kept = (1, 0)
        self._shown = 0
        self._key = ""
        self._rules = "{}"
        self._boot = ""
        self._processes: dict[int, ProcessRow] = {}
        self._next_schedule = 1
        self._schedules: dict[int, ScheduleRow] = {}
        self._standings = Standings()
        self._reused: set[int] = set()  # tasks that may be started once more
        self._encode = msgspec.json.Encoder(enc_hook=plain).encode
        self._unproven = False
        self._file.get()

    def load(
        self, key: str | None = None, *, is_own: bool = True, boot: str = ""
    ) -> Memory:
        """Return the stored state, and record that the session is open.

        Args:
            key: The session's key from now on. If the stored one differs, this is a
                copy of another session's journal, and the processes in it belong to
                that session. By default the key is kept if processes with it may be
                running, and replaced otherwise.
            is_own: Whether the journal is known to belong to this folder. If not, the
                processes in it may belong to another session, and are ignored.
            boot: Identifies the boot of the machine; empty if unknown.

        Raises:
            DamagedJournalError: If the file is damaged.
            JournalError: If it can't be read or written.
        """
        db = self._file.get()
        with explained(self._path):
            meta = load_meta(db)
            check(db, thoroughly=not meta.clean)
            loaded = load_tasks(db, meta.shown, self._adopt)
            tasks, last_changes = loaded.tasks, loaded.last_changes
            last = last_changes[loaded.order[-1]] if tasks else 0
            (newest,) = db.execute("SELECT max(seq) FROM changes").fetchone()
            # Progress has numbers too, and is shown without being stored.
            seq = max(meta.seq, meta.shown, newest or 0, last)
            next_id = max(meta.next_id, (tasks[-1].id if tasks else 0) + 1)
            if max(seq, next_id) > LARGEST:
                raise ValueError("a number is too large")
            kept = "" if meta.clean else meta.session_key
            self._key = key or kept or os.urandom(6).hex()
            if is_own and meta.session_key == self._key:
                self._processes = load_processes(db, loaded.running)
            rules = decode_rules(meta.rules)
            self._rules = meta.rules
            self._shown = meta.shown
            self._boot = boot
            self._environments.load(db, loaded.environments, loaded.queued)
            schedules, self._schedules = load_schedules(db)
            after = max(self._schedules, default=0) + 1
            self._next_schedule = max(meta.next_schedule, after)
            self._standings = Standings(loaded.running)
            self._reused = loaded.reused
            # A program that was killed has not overwritten deleted data.
            self._environments.has_traces = not meta.clean
            # Read now, although needed later, to detect damage in time.
            unshown = load_unshown(db, meta.shown, loaded, self._adopt)
            db.execute(
                "DELETE FROM chat WHERE id <= (SELECT max(id) FROM chat) - ?",
                (CHAT_KEPT,),
            )
            db.execute(
                "INSERT OR REPLACE INTO meta VALUES ('session_key', ?), ('clean', 0),"
                " ('boot', ?)",
                (self._key, boot),
            )
        self._seq = seq
        self._next_id = next_id
        self._kept = (next_id, seq)
        return Memory(
            session_key=self._key,
            next_id=next_id,
            seq=seq,
            shown=meta.shown,
            clean=bool(meta.clean),
            tasks=tuple(tasks),
            order=tuple(loaded.order),
            last_changes=last_changes,
            unshown=unshown,
            processes=tuple([ProcessRecord(*it) for it in self._processes.values()]),
            environments=self._environments.of_tasks(loaded.environments),
            rules=rules,
            next_schedule=self._next_schedule,
            schedules=schedules,
            schedule_environments=self._environments.of_schedules,
            rebooted=bool(boot and meta.boot) and boot != meta.boot,
            is_copy=kept not in {"", self._key},
        )

    def continue_at(self, next_id: int, seq: int) -> None:
        """Continue ids and change numbers from here, if higher ones were used.

        Raises:
            JournalError: If they are almost exhausted.
        """
        self._next_id, self._seq = self._kept = next_id, seq
        self._check_numbers(LAST_OPENED)

    def changed(
        self,
        change: TaskChanged,
        environment: Variables | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Record a change of a task, if it has to be stored; see `Standings`."""
        is_progress = not change.event.is_of_status
        task, noted = change.task, self._noted
        task_id, status = task.id, task.status
        if not self._standings.is_news(change) and not always:
            return
        row = row_of(change)
        row_id: int | None = None
        if status.is_final:
            self._reused.discard(task_id)
        elif may_run_again(task.terms):
            self._reused.add(task_id)
        known = task_id in self._processes and task_id not in self._reused
        if environment is not None and not known and not status.is_final:
            row_id = self._environments.keep(task_id, environment)
        else:
            self._environments.release(task_id)
        if is_progress:
            noted.tasks[task_id] = (task_id, change.seq, row[-1], row_id)
        else:  # the text of the change is also that of the task
            noted.tasks[task_id] = (task_id, change.seq, "", row_id)
            noted.changes.append(row)
        self._seq = change.seq
        if task_id >= self._next_id:
            self._next_id = task_id + 1
        if status.is_final or task.waits_to_run:
            self._processes.pop(task_id, None)

    def runs_as(self, process: ProcessRecord) -> None:
        """Record the process of a task."""
        row = (process.task_id, process.pid, process.created)
        self._noted.processes.append(row)
        self._processes[process.task_id] = row
        is_bare = process.task_id not in self._reused
        if is_bare and self._environments.row_of(process.task_id) is not None:
            self._environments.release(process.task_id)
            self._noted.bare.append((process.task_id,))

    def ruled(self, rules: QueueRules) -> None:
        """Record the settings of the whole queue."""
        self._rules = self._noted.meta["rules"] = self._encode(rules).decode()

    def scheduled(
        self, schedule: Schedule, environment: Variables | None = None
    ) -> None:
        """Record the current state of a schedule."""
        row_id: int | None = None
        if environment is not None:
            row_id = self._environments.keep(-schedule.id, environment)
        row = (schedule.id, self._encode(schedule).decode(), row_id)
        self._schedules[schedule.id] = self._noted.schedules[schedule.id] = row
        if schedule.id >= self._next_schedule:
            self._next_schedule = schedule.id + 1
            self._noted.meta["next_schedule"] = self._next_schedule

    def unscheduled(self, schedule_id: int) -> None:
        """Record that a schedule was removed."""
        self._schedules.pop(schedule_id, None)
        self._noted.schedules.pop(schedule_id, None)
        self._noted.unscheduled.append((schedule_id,))
        self._environments.release(-schedule_id)

    def forgot(self, ids: Iterable[int]) -> None:
        """Record that tasks are forgotten; their changes are kept until `settled`."""
        noted = self._noted
        noted.forgotten += [(task_id,) for task_id in ids]
        if noted.forgotten:
            # The rows with the highest numbers may be among those deleted.
            noted.meta |= {"seq": self._seq, "next_id": self._next_id}

    def settled(self, ids: Iterable[int]) -> None:
        """Record that the changes of these forgotten tasks are no longer needed."""
        self._noted.settled += [(task_id,) for task_id in ids]

    def said(self, message: ChatMessage, seq: int) -> None:
        """Record a chat message that followed the change with this number."""
        self._noted.chat.append((seq, self._encode(message).decode()))

    def shown(self, seq: int) -> None:
        """Record that all changes up to this one were shown; never decreases."""
        if seq > self._shown:
            self._shown = self._noted.shown = seq

    @property
    def can_wait(self) -> bool:
        """Whether nothing but the `shown` number is recorded."""
        return self._noted.can_wait() and not self._environments.is_changed

    def commit(self) -> None:
        """Write all recorded changes, in one transaction.

        Raises:
            BusyJournalError: If another program holds the file.
            DamagedJournalError: If the file is damaged, or no longer in its place.
            JournalError: If the write fails; the changes stay recorded for the next
                commit.
        """
        if not self._noted.is_empty() or self._environments.is_changed:
            self._write()
        kept = (self._next_id, self._seq)
        if self._keep is not None and kept != self._kept:
            self._keep(*kept)
            self._kept = kept

    def _write(self) -> None:
        if self._hold is not None:
            self._hold()
        self._check_numbers()
        self._file.write(self._environments.write, self._noted.write)
        self._noted = Noted()
        self._environments.written()
        self._unproven = False

    def be_patient(self, seconds: float) -> None:
        """Set how long each call waits for another program that holds the file."""
        self._file.be_patient(seconds)

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        """Set the file aside, and record everything for a new one."""
        if self._unproven:
            raise JournalError(f"{why}, and writing a new file failed too") from why
        # Before the release: if this fails, the files there may belong to another
        # session.
        if self._hold is not None:
            self._hold()
        # First, because SQLite may still change or delete the files beside it.
        self.release()
        aside = set_aside(self._path)
        self._noted = self._everything(everything)
        self._unproven = True
        if aside is None:
            return f"{why}; the tasks are in a new file, but earlier messages are lost"
        return (
            f"{why}; it was set aside as {aside}, and the tasks are in a new file, but"
            " earlier messages are only in the old one"
        )

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        """Return the last chat messages and shown changes, in order."""
        db = self._file.get()
        with explained(self._path):
            return load_transcript(db, self._shown, limit, self._adopt)

    @property
    def has_traces(self) -> bool:
        """Whether the file may still contain deleted environments."""
        return self._environments.has_traces

    def begin_wipe(self) -> Path:
        """Prepare to wipe the file; return its path."""
        self._environments.has_traces = False
        return self._path

    def end_wipe(self, *, done: bool) -> None:
        """Record whether the wipe was done."""
        self._environments.has_traces |= not done

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
        self._file.close()

    def _check_numbers(self, largest: int = LARGEST) -> None:
        """Raise if numbers are so high that they could not be read again."""
        if max(self._seq, self._next_id) > largest:
            raise JournalError(
                f"{self._path} has no ids left for new tasks; open another session"
            )

    def _everything(self, everything: Everything) -> Noted:
        noted = Noted()
        self._environments.begin_again()
        for place, task in enumerate(everything.tasks, 1):
            snapshot = text_of(task)
            row_id = self._environments.row_of(task.id)
            seq = everything.last_changes.get(task.id, place)
            noted.tasks[task.id] = (task.id, seq, snapshot, row_id)
        noted.changes = [row_of(change) for change in everything.unshown]
        noted.processes = [*self._processes.values()]
        noted.chat = self._noted.chat
        noted.meta = {
            "next_id": self._next_id,
            "seq": self._seq,
            "shown": self._shown,
            "clean": 0,
            "session_key": self._key,
            "rules": self._rules,
            "next_schedule": self._next_schedule,
            "boot": self._boot,
        }
        noted.schedules = {
            it: (it, text, self._environments.row_of(-it))
            for it, text, _ in self._schedules.values()
        }
        return noted
