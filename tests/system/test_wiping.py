"""Overwriting secrets in the journal blocks no other work."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from backburner.actors import JournalTrouble, TaskRequest, TaskStatus, TaskSystem
from backburner.actors.journal import removal
from backburner.actors.journal.sqlite_file import wipe
from backburner.actors.testing import Recorder
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class _Gate:
    """Blocks the thread that overwrites, while it holds the lock of the journal."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.results: list[bool] = []

    def wipe(self, path: Path) -> bool:
        self.entered.release()
        assert self.go_on.wait(PATIENCE)
        self.results.append(wipe(path))
        return self.results[-1]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Gate]:
    gate = _Gate()
    monkeypatch.setattr(removal, "wipe", gate.wipe)
    monkeypatch.setattr("backburner.actors.queue.deletion.WIPE_AFTER", 0.01)
    yield gate
    gate.go_on.set()


def _queue_secret(system: TaskSystem, secret: str) -> None:
    """Queue a task with a secret, so that the journal has it, and then run it."""
    first = system.submit(TaskRequest("First", "sleep", ("600",)))
    request = TaskRequest("Secret", "bash", ("true",), environment={"KEY": secret})
    waits = system.submit(request)
    first.cancel()
    assert waits.result(PATIENCE).status is TaskStatus.COMPLETE


def _bytes(folder: Path) -> bytes:
    return b"".join(it.read_bytes() for it in folder.glob("session.db*"))


def test_the_queue_answers_and_writes_while_its_journal_is_wiped(
    gate: _Gate, run_system: Callable[[TaskSystem], TaskSystem], tmp_path: Path
) -> None:
    folder = tmp_path / "main"
    system = run_system(TaskSystem(directory=folder, slots=1))
    _queue_secret(system, "s3cret of the first")
    assert gate.entered.acquire(timeout=PATIENCE)
    _queue_secret(system, "s3cret of the second")
    assert len(system.list()) == 4
    gate.go_on.set()
    # Later secrets are overwritten after it.
    until(lambda: b"s3cret" not in _bytes(folder))
    until(lambda: gate.results[:1] == [True])


def test_a_session_ends_while_its_journal_is_wiped(
    gate: _Gate, run_system: Callable[[TaskSystem], TaskSystem], tmp_path: Path
) -> None:
    folder = tmp_path / "main"
    system = run_system(TaskSystem(directory=folder, slots=1))
    _queue_secret(system, "s3cret")
    assert gate.entered.acquire(timeout=PATIENCE)
    gate.go_on.set()
    system.stop()
    assert gate.results
    with TaskSystem(directory=folder) as again:
        assert again.warnings == ()
        assert {it.status.is_final for it in again.list()} == {True}
    assert b"s3cret" not in _bytes(folder)


def test_a_failed_wipe_is_retried(
    run_system: Callable[[TaskSystem], TaskSystem],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backburner.actors.queue.deletion.WIPE_AFTER", 0.01)
    folder = tmp_path / "main"
    system = run_system(TaskSystem(directory=folder, slots=1))
    news: Recorder[object] = Recorder()
    system.subscribe(news)
    tried = threading.Event()

    def busy(path: Path) -> bool:
        del path
        tried.set()
        return False

    monkeypatch.setattr(removal, "wipe", busy)
    _queue_secret(system, "s3cret")
    assert tried.wait(PATIENCE)
    monkeypatch.setattr(removal, "wipe", wipe)
    system.add("Next", "bash", "true")  # the next batch
    until(lambda: b"s3cret" not in _bytes(folder))
    assert not news.of(JournalTrouble)
