"""Numbers out of reach of counting: in the journal, the lock and file names."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec
import pytest
from backburner.actors import RefusedError, TaskSystem, TaskSystemError
from backburner.actors.session.folder import Owner
from backburner.actors.testing import running
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT: Final = 1 << 53


def _run_one(folder: Path) -> tuple[int | None, str]:
    """Open a session and run a task; return its id, if added, and all warnings."""
    try:
        with running(TaskSystem(directory=folder, grace=0)) as system:
            warnings = " ".join(system.warnings)
            try:
                task = system.add("Print", "bash", "echo hi")
            except RefusedError as error:
                return None, f"{warnings} {error}"
            (ended,) = system.wait(task.id, timeout=PATIENCE)
            assert ended.last_line == "hi"
            return ended.id, warnings
    except TaskSystemError as error:
        return None, str(error)


@pytest.mark.parametrize("number", [10**18 - 1, 10**15, _LIMIT, 10**12, 10**9])
def test_an_output_file_with_a_high_number_changes_no_id(
    number: int, tmp_path: Path
) -> None:
    folder = tmp_path / "main"
    folder.mkdir(0o700)
    (folder / "output").mkdir(0o700)
    (folder / f"output/{number}.log").touch(0o600)
    assert [_run_one(folder) for _ in range(3)] == [(1, ""), (2, ""), (3, "")]


@pytest.mark.parametrize("above", [-(1 << 32) - 3, -(1 << 16) - 2, -1, 0])
@pytest.mark.parametrize("where", ["next_id", "seq", "shown", "changes", "lock"])
def test_a_number_at_the_limit_is_refused_at_once_or_never(
    where: str, above: int, tmp_path: Path
) -> None:
    folder, number = tmp_path / "main", _LIMIT + above
    assert _run_one(folder) == (1, "")
    if where == "lock":
        lock = folder / "lock"
        owner = msgspec.json.decode(lock.read_bytes(), type=Owner)
        text = msgspec.json.encode(msgspec.structs.replace(owner, next_id=number))
        lock.write_bytes(text)
        for name in ("session.db", "session.db-wal"):
            (folder / name).unlink(missing_ok=True)
    else:
        with contextlib.closing(sqlite3.connect(folder / "session.db")) as db:
            if where == "changes":
                for table in ("tasks", "changes"):
                    db.execute(
                        f"UPDATE {table} SET seq = ? WHERE seq ="  # noqa: S608
                        f" (SELECT max(seq) FROM {table})",
                        (number,),
                    )
            else:
                db.execute("UPDATE meta SET value = ? WHERE key = ?", (number, where))
            db.commit()
    ran, first = _run_one(folder)
    assert ("damaged" in first) == (where != "lock" and number >= _LIMIT)
    assert ("no ids left" in first) == (-(1 << 32) <= above < 0)
    assert (ran is None) == (-(1 << 32) <= above < 0)
    for _ in range(2):
        _, later = _run_one(folder)
        assert "damaged" not in later, first
