"""What a journal that remembers nothing must not pass on to one that does."""

from __future__ import annotations

from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.sqlite import SqliteJournal


def test_a_journal_in_a_file_forgets_nothing_that_the_plain_one_forgets() -> None:
    asked = {name for name in vars(Journal) if not name.startswith("_")}
    assert asked - vars(SqliteJournal).keys() == set()
