"""The stored environments of tasks and schedules.

An environment may hold secrets. It is stored only while a task with it waits for a
start or another attempt, is being started, or has a schedule; it is deleted once the
process of the task is known. Equal environments share one row.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..rules.variables import Variables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


class EnvironmentRows:
    """The rows of the table `environments`, and their pending changes."""

    def __init__(self) -> None:
        self._rows: dict[int, Variables] = {}
        self._ids: dict[Variables, int] = {}
        self._users: dict[int, int] = {}  # by row
        self._of_task: dict[int, int] = {}
        self._next_id = 1
        self._added: set[int] = set()
        self._dropped: list[tuple[int]] = []
        self.has_traces = False
        """Whether the files beside the database may still contain deleted data."""

    def of_tasks(self, users: dict[int, list[int]]) -> dict[int, Variables]:
        """Return the environments by the ids of the waiting tasks that have them.

        Args:
            users: The ids of the tasks, by the rows of the environments.
        """
        of_task: dict[int, Variables] = {}
        for row_id, ids in users.items():
            if row_id in self._rows:
                of_task |= dict.fromkeys(ids, self._rows[row_id])
        return of_task

    @property
    def of_schedules(self) -> dict[int, Variables]:
        """The environments by the ids of their schedules."""
        of_task = self._of_task
        return {-it: self._rows[row] for it, row in of_task.items() if it < 0}

    def row_of(self, task_id: int) -> int | None:
        """Return the row of a waiting task's environment; None for any other task."""
        return self._of_task.get(task_id)

    @property
    def is_changed(self) -> bool:
        """Whether there are pending changes."""
        return bool(self._added or self._dropped)

    def load(
        self,
        db: sqlite3.Connection,
        of_tasks: dict[int, list[int]],
        waiting: Iterable[int],
    ) -> None:
        """Read the environments of unfinished tasks, and mark all others for deletion.

        Args:
            db: The file.
            of_tasks: The ids of the tasks with an environment, by its row.
            waiting: The ids of the tasks that wait. Other tasks were being started, and
                no longer need their environments.

        Raises:
            ValueError: If a row is damaged or missing.
            sqlite3.Error: If the file can't be read.
        """
        for row_id, variables in db.execute("SELECT id, variables FROM environments"):
            self._note_row(row_id, _decode(variables))
        for row_id, ids in of_tasks.items():
            if row_id in self._rows:
                # In bulk: a queue may be long, and most of its tasks share one
                # environment.
                self._of_task |= dict.fromkeys(ids, row_id)
                self._users[row_id] = len(ids)
            elif without := set(ids).intersection(waiting):
                raise ValueError(f"task {min(without)} has lost its environment")
        for schedule_id, row_id in db.execute(
            "SELECT id, environment FROM schedules WHERE environment IS NOT NULL"
        ):
            if row_id not in self._rows:
                raise ValueError(f"schedule {schedule_id} has lost its environment")
            self._note_user(-schedule_id, row_id)
        for row_id in tuple(self._rows):
            self._drop_unused(row_id)

    def keep(self, task_id: int, variables: Variables) -> int:
        """Keep the environment of a waiting task; return the id of its row.

        For a schedule, the task id is the negative id of the schedule, as in other
        methods.
        """
        if task_id in self._of_task:
            return self._of_task[task_id]
        row_id = self._ids.get(variables)
        if row_id is None:
            row_id = self._next_id
            self._note_row(row_id, variables)
            self._added.add(row_id)
        self._note_user(task_id, row_id)
        return row_id

    def release(self, task_id: int) -> None:
        """Release the environment of a task that no longer needs it."""
        row_id = self._of_task.pop(task_id, None)
        if row_id is not None:
            self._users[row_id] -= 1
            self._drop_unused(row_id)

    def write(self, db: sqlite3.Connection) -> None:
        """Write pending changes; call `written` after the commit."""
        if not self.is_changed:
            return
        # Overwrites deleted rows, and the old locations of moved ones.
        db.execute("PRAGMA secure_delete = ON")
        db.executemany(
            "INSERT OR REPLACE INTO environments VALUES (?, ?)",
            [(row_id, _encode(self._rows[row_id])) for row_id in self._added],
        )
        db.executemany("DELETE FROM environments WHERE id = ?", self._dropped)
        db.execute("PRAGMA secure_delete = OFF")

    def written(self) -> None:
        """Note that the pending changes were committed."""
        self.has_traces |= bool(self._dropped)
        self._added.clear()
        self._dropped.clear()

    def begin_again(self) -> None:
        """Mark all environments as pending, for a new file."""
        self._added = set(self._rows)
        self._dropped.clear()
        self.has_traces = False

    def _note_row(self, row_id: int, variables: Variables) -> None:
        self._rows[row_id] = variables
        self._ids[variables] = row_id
        self._next_id = max(self._next_id, row_id + 1)

    def _note_user(self, task_id: int, row_id: int) -> None:
        self._of_task[task_id] = row_id
        self._users[row_id] = self._users.get(row_id, 0) + 1

    def _drop_unused(self, row_id: int) -> None:
        if self._users.get(row_id):
            return
        self._users.pop(row_id, None)
        variables = self._rows.pop(row_id)
        if self._ids.get(variables) == row_id:
            del self._ids[variables]
        if row_id in self._added:
            self._added.remove(row_id)
        else:
            self._dropped.append((row_id,))


def _encode(variables: Variables) -> bytes:
    # Raw bytes, because variables need not be valid in any encoding.
    return b"\0".join(os.fsencode(f"{it}={value}") for it, value in variables.items())


def _decode(data: object) -> Variables:
    if not isinstance(data, bytes):
        raise TypeError("an environment is not bytes")
    entries = [os.fsdecode(entry) for entry in data.split(b"\0")] if data else []
    pairs = [entry.partition("=") for entry in entries]
    if not all(separator for _, separator, _ in pairs):
        raise ValueError("an environment has no '='")
    return Variables({name: value for name, _, value in pairs})
