"""The changes that a journal will write with its next commit."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

_TOGETHER: Final = 64  # rows


class Noted:
    """Pending changes, as rows."""

    def __init__(self) -> None:
        self.tasks: dict[int, tuple[int, int, str, int | None]] = {}
        self.changes: list[tuple[int, int, str, str]] = []
        self.processes: list[tuple[int, int, float]] = []
        self.chat: list[tuple[int, str]] = []
        self.forgotten: list[tuple[int]] = []
        self.settled: list[tuple[int]] = []  # forgotten, and their changes were shown
        self.bare: list[tuple[int]] = []  # started, so without an environment
        self.shown: int | None = None
        self.meta: dict[str, int | str] = {}
        self.schedules: dict[int, tuple[int, str, int | None]] = {}
        self.unscheduled: list[tuple[int]] = []

    def is_empty(self) -> bool:
        """Return whether nothing is pending."""
        return not (self.shown is not None or self.settled or self._is_urgent())

    def can_wait(self) -> bool:
        """Return whether only the `shown` number is pending."""
        return self.shown is not None and not self._is_urgent()

    def _is_urgent(self) -> bool:
        return bool(
            self.tasks
            or self.changes
            or self.meta
            or self.chat
            or self.processes
            or self.forgotten
            or self.bare
            or self.schedules
            or self.unscheduled
        )

    def write(self, db: sqlite3.Connection) -> None:
        """Write all pending changes; deletions come last, to take precedence."""
        for statement, rows in (
            ("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?)", self.tasks.values()),
            ("UPDATE tasks SET environment = NULL WHERE id = ?", self.bare),
            ("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?)", self.changes),
            ("INSERT INTO chat (seq, message) VALUES (?, ?)", self.chat),
            ("INSERT OR REPLACE INTO processes VALUES (?, ?, ?)", self.processes),
            (
                "INSERT OR REPLACE INTO schedules VALUES (?, ?, ?)",
                self.schedules.values(),
            ),
            ("DELETE FROM schedules WHERE id = ?", self.unscheduled),
            ("DELETE FROM tasks WHERE id = ?", self.forgotten),
            ("DELETE FROM processes WHERE task_id = ?", self.forgotten),
            ("DELETE FROM changes WHERE task_id = ?", self.settled),
            ("INSERT OR REPLACE INTO meta VALUES (?, ?)", self._all_meta()),
        ):
            if rows:
                _run(db, statement, rows)

    def _all_meta(self) -> list[tuple[str, int | str]]:
        shown = [] if self.shown is None else [("shown", self.shown)]
        return [*self.meta.items(), *shown]


def _run(
    db: sqlite3.Connection, statement: str, rows: Collection[tuple[object, ...]]
) -> None:
    """Run a statement for each row."""
    given = iter(rows)
    values = statement.partition("VALUES ")[2]
    if values and len(rows) >= _TOGETHER:
        # Each execution takes the GIL twice, so one covers many rows.
        together = statement + f", {values}" * (_TOGETHER - 1)
        for _ in range(len(rows) // _TOGETHER):
            some = itertools.islice(given, _TOGETHER)
            db.execute(together, [*itertools.chain.from_iterable(some)])
    db.executemany(statement, given)
