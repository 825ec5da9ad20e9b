"""The journal of a session that is remembered: an SQLite file. See `Journal`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.attempts import may_run_again
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
"""How many chat messages a session remembers when it is opened again."""


class SqliteJournal(Journal):
    """A journal in an SQLite file.

    Args:
        path: The file; made if it is missing, with an empty session in it.
        keep: Told after each write, and before anybody else hears of it, the id of the
            next task and the number of the last change, to keep them elsewhere; raises
            `JournalError` if it can't.
        hold: Called before each write: makes sure that what is there is this session's,
            and makes its folder again if that is gone; raises `JournalError` if it
            can't.
        adopt: Puts right in tasks what only their session's folder can know.
        hurried: Tells, on any thread, whether somebody waits for the end of this.

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
        self._reused: set[int] = set()  # those that may be started once more
        self._encode = msgspec.json.Encoder().encode
        self._unproven = False
        self._file.get()

    def load(
        self, key: str | None = None, *, is_own: bool = True, boot: str = ""
    ) -> Memory:
        """Return all that is remembered, and note that the session is open now.

        Args:
            key: What the session's key is from now on. If it was another, this is a
                copy of another session's journal, and the processes in it are that
                one's. By default it stays as it is if processes may be left that carry
                it, and is a new one if not.
            is_own: Whether it is known to be of this folder. If not, the processes in
                it may be anybody's, and are left alone.
            boot: Tells one life of the machine from another; empty if nothing does.

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
            # Progress has numbers too, and is shown without being written down.
            seq = max(meta.seq, meta.shown, newest or 0, last)
            next_id = max(meta.next_id, (tasks[-1].id if tasks else 0) + 1)
            if max(seq, next_id) > LARGEST:
                raise ValueError("a number is beyond all bounds")
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
            # If the program was killed, it has not overwritten what was deleted.
            self._environments.has_traces = not meta.clean
            # To be shown later; if one of them is damaged, now is the time to know.
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
        )

    def go_on_at(self, next_id: int, seq: int) -> None:
        """Let ids and the numbers of changes go on from here, if others were used.

        Raises:
            JournalError: If there are hardly any left.
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
        """Note a change of a task, if it is worth a write; see `Standings`."""
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
        else:  # one text is enough: that of the change
            noted.tasks[task_id] = (task_id, change.seq, "", row_id)
            noted.changes.append(row)
        self._seq = change.seq
        if task_id >= self._next_id:
            self._next_id = task_id + 1
        if status.is_final or task.waits_to_run:
            self._processes.pop(task_id, None)

    def runs_as(self, process: ProcessRecord) -> None:
        """Note the process of a task."""
        row = (process.task_id, process.pid, process.created)
        self._noted.processes.append(row)
        self._processes[process.task_id] = row
        is_bare = process.task_id not in self._reused
        if is_bare and self._environments.row_of(process.task_id) is not None:
            self._environments.release(process.task_id)
            self._noted.bare.append((process.task_id,))

    def ruled(self, rules: QueueRules) -> None:
        """Note what is set for the whole queue."""
        self._rules = self._noted.meta["rules"] = self._encode(rules).decode()

    def scheduled(
        self, schedule: Schedule, environment: Variables | None = None
    ) -> None:
        """Note a schedule as it is now."""
        row_id: int | None = None
        if environment is not None:
            row_id = self._environments.keep(-schedule.id, environment)
        row = (schedule.id, self._encode(schedule).decode(), row_id)
        self._schedules[schedule.id] = self._noted.schedules[schedule.id] = row
        if schedule.id >= self._next_schedule:
            self._next_schedule = schedule.id + 1
            self._noted.meta["next_schedule"] = self._next_schedule

    def unscheduled(self, schedule_id: int) -> None:
        """Note that a schedule is no more."""
        self._schedules.pop(schedule_id, None)
        self._noted.schedules.pop(schedule_id, None)
        self._noted.unscheduled.append((schedule_id,))
        self._environments.release(-schedule_id)

    def forgot(self, ids: Iterable[int]) -> None:
        """Note that tasks are forgotten; their changes are kept until `settled`."""
        noted = self._noted
        noted.forgotten += [(task_id,) for task_id in ids]
        if noted.forgotten:
            # The rows that tell them may be among those that go.
            noted.meta |= {"seq": self._seq, "next_id": self._next_id}

    def settled(self, ids: Iterable[int]) -> None:
        """Note that the changes of these forgotten tasks are no longer needed."""
        self._noted.settled += [(task_id,) for task_id in ids]

    def said(self, message: ChatMessage, seq: int) -> None:
        """Note a chat message that was said after the change with this number."""
        self._noted.chat.append((seq, self._encode(message).decode()))

    def shown(self, seq: int) -> None:
        """Note that all changes up to this one have been shown; never goes back."""
        if seq > self._shown:
            self._shown = self._noted.shown = seq

    @property
    def can_wait(self) -> bool:
        """Whether nothing is noted but what was shown."""
        return self._noted.can_wait() and not self._environments.is_changed

    def commit(self) -> None:
        """Write down what was noted, in one transaction.

        Raises:
            BusyJournalError: If another program holds the file.
            DamagedJournalError: If the file is damaged, or no longer in its place.
            JournalError: If that fails; everything stays noted for the next commit.
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
        """Let each call from now on wait so long for a program that holds the file."""
        self._file.be_patient(seconds)

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        """Set the file aside, and note all there is to know for a new one."""
        if self._unproven:
            raise JournalError(f"{why}, and a new file is no better") from why
        # Before the release: as long as this fails, what is there now is not ours.
        if self._hold is not None:
            self._hold()
        # First, because SQLite may still put in order, or delete, what lies beside it.
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
        """Return the last of what was said and what was shown, in order."""
        db = self._file.get()
        with explained(self._path):
            return load_transcript(db, self._shown, limit, self._adopt)

    @property
    def has_traces(self) -> bool:
        """Whether the file may still hold what was deleted of environments."""
        return self._environments.has_traces

    def begin_wipe(self) -> Path:
        """Note that the file is about to be wiped; return it."""
        self._environments.has_traces = False
        return self._path

    def end_wipe(self, *, done: bool) -> None:
        """Note whether it was."""
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
        """Write nothing that would not be read again."""
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
