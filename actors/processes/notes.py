"""Records of the processes of running tasks, in a file that survives a kill.

The file has a record of fixed length for each task. It is written in place before the
process is started, again with the process id right after that, and with the exit status
before the process is reaped; so a program that adopts the jobs of a killed one has all
of this. Each write has about a hundred bytes and costs far less than a commit of the
journal.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from ..rules.process_record import StartedProcess
from . import proc, start_number

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from contextlib import AbstractContextManager

_LENGTH: Final = 128  # bytes; a page holds whole records
_LARGEST_FILE: Final = 1 << 26
# Compiled on first use, to keep the start fast.
_RECORD: Final = (
    rb"([0-9a-f]{12}) ([0-9a-f]{1,32}) (\d{1,16}) (\d{1,10}) (\d{1,18}) (\d{1,18})"
    rb" (-|\d{1,5})(?: (\d{1,19}))? *\n"
)
_NANOSECONDS: Final = 10**9


def ticks_now() -> int:
    """Return the clock ticks since the machine was started, as in `/proc`."""
    since = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return since * proc.TICKS // _NANOSECONDS


def age_of(process: StartedProcess) -> float:
    """Return the seconds since the start of a process, which may have ended."""
    return proc.seconds(ticks_now() - process.earliest)


class ProcessNote(msgspec.Struct, frozen=True, gc=False):
    """The record of a task's process.

    Attributes:
        task_id: The task.
        process: The process; its id is 0 while it is about to be started, and all
            fields are 0 between two attempts.
        boot: The boot id of the machine at the start.
        status: Its wait status, as `waitpid` returns it; None if not recorded.
        number: The number of the start, while the process is about to be started; 0 if
            it has none.
    """

    task_id: int
    process: StartedProcess
    boot: str
    status: int | None = None
    number: int = 0

    @property
    def is_starting(self) -> bool:
        """Whether the process was about to be started, so that its id is unknown."""
        return not self.process.pid and bool(self.process.earliest)

    @property
    def is_between(self) -> bool:
        """Whether an attempt has ended, and the next has not begun."""
        return not (self.process.pid or self.process.earliest)

    @property
    def output_tells(self) -> bool:
        """Whether an existing output file proves that the process was started."""
        return bool(self.process.latest)


class ProcessNotes:
    """The records of one session.

    `note` and `note_exit` are thread-safe; calls for one task must be sequential. A
    record that could not be written, such as on a full disk, is missing later; the
    process is then identified by its mark alone.

    Args:
        fd: The file, open for reading and writing; `close` closes it.
        key: The session's key. Records with another key come from a copied folder and
            are ignored.
        numbers: Whether each start gets a number, which a keeper records.
    """

    def __init__(self, fd: int, key: str, *, numbers: bool = False) -> None:
        self._fd = fd
        self._key = key
        self._numbers = numbers
        self._boot = proc.boot_id()
        self._places: dict[int, int] = {}
        self._free: deque[int] = deque()
        self._new = itertools.count()
        # A lock instead of an actor, because a start has to wait for the result.
        self._change = threading.Condition()
        self._starting: set[int] = set()
        self._held = False
        self._between: set[int] = set()

    def load(
        self, running: Iterable[int], between: Iterable[int] = ()
    ) -> dict[int, ProcessNote]:
        """Return the records of running tasks by id.

        All other records will be overwritten.

        Args:
            running: The ids of running tasks.
            between: The ids of tasks that will make another attempt.

        Raises:
            OSError: If the file can't be read.
        """
        size = min(os.fstat(self._fd).st_size, _LARGEST_FILE)
        content = os.pread(self._fd, size, 0)
        between = frozenset(between)
        wanted = between.union(running)
        notes: dict[int, ProcessNote] = {}
        places: dict[int, int] = {}
        count = -(-len(content) // _LENGTH)
        for place in range(count):
            record = content[place * _LENGTH : (place + 1) * _LENGTH]
            note = self._read(record)
            if note is None or note.task_id not in wanted:
                continue
            known = notes.get(note.task_id)
            if known is None or _is_later(note, known, self._boot):
                notes[note.task_id] = note
                places[note.task_id] = place
        self._places = places
        self._free.extend(sorted({*range(count)} - {*places.values()}))
        self._new = itertools.count(count)
        for task_id in between:
            notes.pop(task_id, None)
            self._note_between(task_id)
        return notes

    @contextlib.contextmanager
    def starting(self, task_id: int, *, output_tells: bool) -> Generator[None]:
        """Record that the block starts the process of a task, until `note` is called.

        An exception in the block also ends the start. Blocks while starts are held.

        Args:
            task_id: The task.
            output_tells: Whether the process itself creates its output file, which then
                proves that it was started.

        Raises:
            OSError: If an existing record says that the attempt has not begun, and
                can't be overwritten: the next program would start it again.
        """
        with self._change:
            while self._held:
                self._change.wait()
            self._starting.add(task_id)
        try:
            number = start_number.take() if self._numbers else 0
            now = ticks_now()
            start = StartedProcess(0, now, now if output_tells else 0)
            try:
                self._put(ProcessNote(task_id, start, self._boot, None, number))
            except OSError:
                if task_id in self._between:
                    raise
            self._between.discard(task_id)
            yield
        except BaseException:
            self.end_start(task_id)
            raise

    def note(self, task_id: int, process: StartedProcess) -> None:
        """Record the process of a task."""
        self._write(ProcessNote(task_id, process, self._boot))
        self.end_start(task_id)

    def end_start(self, task_id: int) -> None:
        """End a start in progress, with a process or without."""
        with self._change:
            self._starting.discard(task_id)
            if self._held:
                self._change.notify_all()

    def hold_starts(self, timeout: float) -> None:
        """Hold new starts; block up to `timeout` s until those in progress end."""
        with self._change:
            self._held = True
            self._change.wait_for(lambda: not self._starting, timeout)

    def let_start(self) -> None:
        """Allow starts again."""
        with self._change:
            self._held = False
            self._change.notify_all()

    def note_exit(self, task_id: int, process: StartedProcess, status: int) -> None:
        """Record the exit status of a task's process."""
        self._write(ProcessNote(task_id, process, self._boot, status))

    def release(self, task_id: int, again: bool = False) -> None:  # noqa: FBT001, FBT002 - a callback
        """Free the record of a task, whose end is in the journal.

        Or, with `again`, record that another attempt follows, so that the ended process
        is not mistaken for the next.
        """
        if again:
            if task_id in self._places:
                self._note_between(task_id)
            return
        self._between.discard(task_id)
        place = self._places.pop(task_id, None)
        if place is not None:
            self._free.append(place)

    def forget(self, task_id: int) -> None:
        """Delete the record of a task."""
        place = self._places.pop(task_id, None)
        if place is not None:
            self._free.append(place)
            with contextlib.suppress(OSError):
                os.pwrite(self._fd, b" " * _LENGTH, place * _LENGTH)

    def close(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _note_between(self, task_id: int) -> None:
        with contextlib.suppress(OSError):
            self._put(ProcessNote(task_id, StartedProcess(0, 0, 0), self._boot))
            self._between.add(task_id)

    def _write(self, note: ProcessNote) -> None:
        with contextlib.suppress(OSError):
            self._put(note)

    def _put(self, note: ProcessNote) -> None:
        process = note.process
        status = "-" if note.status is None else note.status
        text = (
            f"{self._key} {note.boot} {note.task_id} {process.pid} {process.earliest}"
            f" {process.latest} {status}"
        )
        if note.number:
            text += f" {note.number}"
        record = text.ljust(_LENGTH - 1).encode() + b"\n"
        os.pwrite(self._fd, record, self._place_of(note.task_id) * _LENGTH)

    def _place_of(self, task_id: int) -> int:
        place = self._places.get(task_id)
        if place is None:
            try:
                place = self._free.popleft()
            except IndexError:
                place = next(self._new)
            self._places[task_id] = place
        return place

    def _read(self, record: bytes) -> ProcessNote | None:
        match = re.fullmatch(_RECORD, record)
        if match is None or match[1].decode() != self._key:
            return None
        task_id, pid, earliest, latest = map(int, match.group(3, 4, 5, 6))
        status = None if match[7] == b"-" else int(match[7])
        process = StartedProcess(pid, earliest, latest)
        number = int(match[8] or 0)
        return ProcessNote(task_id, process, match[2].decode(), status, number)


class JobNotes:
    """The records of one job's process; the default records nothing."""

    def __init__(self, notes: ProcessNotes | None = None, task_id: int = 0) -> None:
        self._notes = notes
        self._task_id = task_id

    @property
    def are_kept(self) -> bool:
        """Whether records are written."""
        return self._notes is not None

    def starting(self, *, output_tells: bool) -> AbstractContextManager[None]:
        """Record that the block starts the job's first process."""
        if self._notes is None:
            return contextlib.nullcontext()
        return self._notes.starting(self._task_id, output_tells=output_tells)

    def started(self, process: StartedProcess) -> None:
        """Record the job's first process."""
        if self._notes is not None:
            self._notes.note(self._task_id, process)

    def forget(self) -> None:
        """Delete the record of the job."""
        if self._notes is not None:
            self._notes.forget(self._task_id)

    def ended(self, process: StartedProcess, status: int) -> None:
        """Record its exit status, before it is reaped."""
        if self._notes is not None:
            self._notes.note_exit(self._task_id, process, status)


def _is_later(note: ProcessNote, known: ProcessNote, boot: str) -> bool:
    """Return whether the first of two records of a task belongs to a later attempt."""
    if note.boot != known.boot:
        return note.boot == boot
    return note.process.latest > known.process.latest
