"""Reading a session that no program has open, without changing it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..journal.errors import JournalError
from ..journal.sqlite import SqliteJournal
from ..messages import RefusalCode, TaskFound, TaskList
from ..own_files import open_own
from ..rules.safe_text import safe_line
from ..rules.status import TaskCounts, TaskFilter, TaskStatus
from .errors import RefusedError, SessionInUseError, TaskSystemError
from .folder import JOURNAL_NAME, read_owner
from .folder_errors import unusable

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..journal.protocol import Memory
    from ..rules.schedules import Schedule
    from ..rules.task import Task

_BESIDE: Final = ("", "-wal")


class ClosedSession:
    """The stored state of a session that no program has open.

    Reads a copy of its journal, so that the session doesn't change. Blocks while the
    copy is made and read.

    Args:
        directory: The session's directory.
        options: The options that select it, for the command that `state` names.

    Raises:
        SessionInUseError: If a program has the session open.
        TaskSystemError: If the session doesn't exist, or can't be read.
    """

    def __init__(self, directory: Path, options: str = "") -> None:
        self._name = directory.name
        self._options = options
        with _locked(directory):
            memory = _read(directory)
        self._tasks = {task.id: task for task in memory.tasks}
        self._next_id = memory.next_id
        self._schedules = memory.schedules

    def find(self, which: TaskFilter = TaskFilter.ALL) -> TaskList:
        """Return the tasks of some statuses, and the number of tasks in each status."""
        statuses = [it.status for it in self._tasks.values()]
        counts = TaskCounts(**{it.value: statuses.count(it) for it in TaskStatus})
        return TaskList(tuple(self.list(which)), counts)

    def list(self, which: TaskFilter = TaskFilter.ALL) -> list[Task]:
        """Return the tasks of some statuses, sorted by id."""
        return [it for it in self._tasks.values() if it.status in which.statuses]

    def get(self, task_id: int) -> Task:
        """Return a task.

        Raises:
            RefusedError: If it is unknown.
        """
        if task_id in self._tasks:
            return self._tasks[task_id]
        text = f"no task {task_id}"
        if 0 < task_id < self._next_id:
            text = f"task {task_id} has left the history"
        raise RefusedError(text, RefusalCode.UNKNOWN)

    def look_up(self, task_id: int) -> TaskFound:
        """Return a task in the answer of a host, without a process; see `get`."""
        return TaskFound(self.get(task_id))

    def schedules(self) -> tuple[Schedule, ...]:
        """Return the schedules, sorted by id."""
        return self._schedules

    def wait(self, *task_ids: int, timeout: float = 0.0) -> tuple[Task, ...]:
        """Return tasks that have ended.

        Args:
            task_ids: The ids of the tasks.
            timeout: Ignored, since no task can end.

        Raises:
            TaskSystemError: If a task has not ended.
        """
        del timeout
        tasks = tuple(map(self.get, task_ids))
        if still := ", ".join(f"#{it.id}" for it in tasks if not it.status.is_final):
            raise TaskSystemError(f"{still} can't end: {self.state}")
        return tasks

    @property
    def state(self) -> str:
        """The state of a session without a host, for people."""
        text = f"session {self._name!r} has no host, so none of its tasks is running"
        if self.list(TaskFilter.RUNNING):
            text += ", and the status of its running tasks is not known yet"
        start = f"`backburner host start{self._options}`"
        return f"{text}; {start} starts one, and its queued tasks"


@contextlib.contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Lock the session, so that no program opens it."""
    path = directory / "lock"
    try:
        lock = open_own(path, os.O_RDONLY)
    except FileNotFoundError:
        if not os.path.lexists(directory / JOURNAL_NAME):
            raise TaskSystemError(
                f"there is no session {directory.name!r} in {directory.parent};"
                " `backburner add` creates one"
            ) from None
        yield  # it was not opened since the file was deleted
        return
    except OSError as error:
        raise TaskSystemError(unusable(directory, error)) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = read_owner(lock)
            who = "another program" if owner is None else f"process {owner.pid}"
            raise SessionInUseError(
                f"session {directory.name!r} is open in {who}, which is not a host; ask"
                " there"
            ) from None
        yield
    finally:
        os.close(lock)


def _read(directory: Path) -> Memory:
    with tempfile.TemporaryDirectory(prefix="backburner-") as folder:
        copy = Path(folder, JOURNAL_NAME)
        try:
            for suffix in _BESIDE:
                _copy(directory / f"{JOURNAL_NAME}{suffix}", Path(f"{copy}{suffix}"))
            journal = SqliteJournal(
                copy, adopt=lambda tasks: [_with_output(it, directory) for it in tasks]
            )
            try:
                return journal.load()
            finally:
                journal.release()
        except JournalError as error:
            # Name the original in the error, not the copy.
            text = str(error).replace(folder, str(directory))
            raise TaskSystemError(safe_line(text)) from error
        except OSError as error:
            raise TaskSystemError(unusable(directory, error)) from error


def _copy(original: Path, copy: Path) -> None:
    try:
        fd = open_own(original, os.O_RDONLY)
    except FileNotFoundError:
        return
    import shutil  # noqa: PLC0415 - a host copies nothing

    with os.fdopen(fd, "rb") as source, copy.open("xb") as target:
        shutil.copyfileobj(source, target)


def _with_output(task: Task, directory: Path) -> Task:
    if task.output_path is None:
        return task
    return replace(task, output_path=f"{directory}/output/{task.id}.log")
