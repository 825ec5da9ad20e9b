"""Which environments the journal's file has: those that are needed, and no others.

An environment may hold secrets. It is in the file only as long as a task of it waits to
be started, or may be started once more, or is being started, or there is a schedule
with it: a task whose process is known needs it no more. Equal ones are one row.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..rules.variables import Variables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


class EnvironmentRows:
    """The rows of the table `environments`, and what is to be changed in it."""

    def __init__(self) -> None:
        self._rows: dict[int, Variables] = {}
        self._ids: dict[Variables, int] = {}
        self._users: dict[int, int] = {}  # by row
        self._of_task: dict[int, int] = {}
        self._next_id = 1
        self._added: set[int] = set()
        self._dropped: list[tuple[int]] = []
        self.has_traces = False
        """Whether the files beside the database may still have what was deleted."""

    def of_tasks(self, users: dict[int, list[int]]) -> dict[int, Variables]:
        """Return the environments by the ids of the tasks that wait with them.

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
        """The environments by the ids of the schedules with them."""
        of_task = self._of_task
        return {-it: self._rows[row] for it, row in of_task.items() if it < 0}

    def row_of(self, task_id: int) -> int | None:
        """Return the id of the row of a task that waits; None for any other."""
        return self._of_task.get(task_id)

    @property
    def is_changed(self) -> bool:
        """Whether there is something to write."""
        return bool(self._added or self._dropped)

    def load(
        self,
        db: sqlite3.Connection,
        of_tasks: dict[int, list[int]],
        waiting: Iterable[int],
    ) -> None:
        """Read those of tasks that have not ended, and let the others be deleted.

        Args:
            db: The file.
            of_tasks: The ids of the tasks that have one, by its row.
            waiting: The ids of those among the tasks that wait. The others were being
                started, and can do without.

        Raises:
            ValueError: If a row is damaged, or missing.
            sqlite3.Error: If the file can't be read.
        """
        for row_id, variables in db.execute("SELECT id, variables FROM environments"):
            self._note_row(row_id, _decode(variables))
        for row_id, ids in of_tasks.items():
            if row_id in self._rows:
                # Without a call for each: a queue may be long, and most share one.
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
        """Keep the environment of a task that waits; return the id of its row.

        A schedule is a task with the negative of its id, here and in the others.
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
        """Note that a task needs its environment no more."""
        row_id = self._of_task.pop(task_id, None)
        if row_id is not None:
            self._users[row_id] -= 1
            self._drop_unused(row_id)

    def write(self, db: sqlite3.Connection) -> None:
        """Write what was changed; `written` follows when that is committed."""
        if not self.is_changed:
            return
        # Deleted rows are overwritten then, and so is what moving others leaves.
        db.execute("PRAGMA secure_delete = ON")
        db.executemany(
            "INSERT OR REPLACE INTO environments VALUES (?, ?)",
            [(row_id, _encode(self._rows[row_id])) for row_id in self._added],
        )
        db.executemany("DELETE FROM environments WHERE id = ?", self._dropped)
        db.execute("PRAGMA secure_delete = OFF")

    def written(self) -> None:
        """Note that what was changed is in the file."""
        self.has_traces |= bool(self._dropped)
        self._added.clear()
        self._dropped.clear()

    def begin_again(self) -> None:
        """Note all there is for a new file."""
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
    # As the system has it, which need not be valid in any encoding.
    return b"\0".join(os.fsencode(f"{it}={value}") for it, value in variables.items())


def _decode(data: object) -> Variables:
    if not isinstance(data, bytes):
        raise TypeError("an environment is no bytes")
    entries = [os.fsdecode(entry) for entry in data.split(b"\0")] if data else []
    pairs = [entry.partition("=") for entry in entries]
    if not all(separator for _, separator, _ in pairs):
        raise ValueError("an environment has no '='")
    return Variables({name: value for name, _, value in pairs})
