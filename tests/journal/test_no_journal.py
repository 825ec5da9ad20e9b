"""Notes that a journal without storage must not pass on to a stored one."""

from __future__ import annotations

from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.sqlite import SqliteJournal


def test_the_sqlite_journal_overrides_every_method() -> None:
    asked = {name for name in vars(Journal) if not name.startswith("_")}
    assert asked - vars(SqliteJournal).keys() == set()
