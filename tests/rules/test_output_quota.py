from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from backburner.actors import Task
from backburner.actors.rules.output_quota import OutputQuota
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MIB = 1 << 20


def _running(path: Path) -> Task:
    task = Task(
        id=1,
        description="Build",
        kind="bash",
        reason="waiting",
        queued_at=AT,
        output_path=str(path),
    )
    return task.started(AT)


def test_a_hole_does_not_count_and_is_forgotten_on_truncation(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_bytes(b"")
    account = OutputQuota(10 * MIB)
    os.truncate(path, 100 * MIB)
    sparse = replace(_running(path), output_size=100 * MIB)
    account.grew(sparse, 100 * MIB)
    assert not account.exceeded
    path.write_bytes(b"x" * MIB)
    account.grew(replace(sparse, output_size=MIB), -99 * MIB)
    path.write_bytes(b"x" * 11 * MIB)
    account.grew(replace(sparse, output_size=11 * MIB), 10 * MIB)
    assert account.exceeded


def test_a_file_is_checked_after_a_jump_and_after_truncating_a_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.log"
    path.write_bytes(b"")
    os.truncate(path, 100 * MIB)
    looks: list[str] = []
    stat = os.stat

    def look(file: str, *, follow_symlinks: bool = True) -> os.stat_result:
        looks.extend([file] if file == str(path) else [])
        return stat(file, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "stat", look)
    account = OutputQuota(10 * MIB)
    task = replace(_running(path), output_size=100 * MIB)
    for growth, looked in ((-1, 0), (0, 0), (100 * MIB, 1), (1, 1), (0, 1), (-1, 2)):
        account.grew(task, growth)
        assert len(looks) == looked


def test_small_writes_after_a_truncation_count(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_bytes(b"")
    account = OutputQuota(10 * MIB)
    os.truncate(path, 100 * MIB)
    sparse = replace(_running(path), output_size=100 * MIB)
    account.grew(sparse, 100 * MIB)
    path.write_bytes(b"x" * MIB)
    account.grew(replace(sparse, output_size=MIB), -99 * MIB)
    step = MIB // 2
    for size in range(MIB + step, 10 * MIB + step, step):
        assert not account.exceeded
        account.grew(replace(sparse, output_size=size), step)
    assert not account.exceeded
    account.grew(replace(sparse, output_size=10 * MIB + step), step)
    assert account.exceeded
