"""A host can end or block in any way without losing tasks or processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    Notification,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import FakeKind, Recorder, no_leaks, running
from conditions import until
from patience import PATIENCE
from process_ends import pid_runs

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = Path(__file__).with_name("host.py")
TRACEBACK = "RuntimeError: the host is broken"


@pytest.mark.parametrize(
    ("way", "status", "says"),
    [
        ("stops all actors", 0, ""),
        ("stops all actors and nothing else", 0, ""),
        ("has an actor that exits", 0, ""),
        ("raises", 1, TRACEBACK),
        ("raises and stops", 1, TRACEBACK),
        ("is interrupted twice", -signal.SIGINT, "KeyboardInterrupt"),
        ("returns", 0, ""),
        ("forks", 0, ""),
    ],
)
def test_any_end_of_a_host_leaves_no_process_and_loses_no_task(
    way: str, status: int, says: str, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"

    host = subprocess.run(
        [sys.executable, HOST, way, tmp_path / "session", pids],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )

    assert host.returncode == status, host.stderr
    assert says in host.stderr
    assert says or not host.stderr
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 2
    until(lambda: not any(map(pid_runs, started)))
    with running(TaskSystem(directory=tmp_path / "session")) as again:
        assert again.warnings == ()
        runs, waits = again.wait(1, 2, timeout=PATIENCE)
    assert runs.status in {TaskStatus.CANCELED, TaskStatus.FAILED}
    assert runs.reason
    assert (waits.status, waits.last_line) == (TaskStatus.COMPLETE, "at last")


class Subscriber(pykka.ThreadingActor):
    """Records its messages, or calls a function of the test."""

    use_daemon_thread = True

    def __init__(self, instead: Callable[[], None]) -> None:
        super().__init__()
        self.heard: Recorder[Notification] = Recorder("the subscriber")
        self._instead = instead

    def on_receive(self, message: Notification) -> None:
        self._instead()
        self.heard.tell(message)


def die() -> None:
    raise RuntimeError("this subscriber is broken")


@pytest.fixture
def fake() -> FakeKind:
    return FakeKind()


def play(system: TaskSystem, fake: FakeKind) -> None:
    for _ in range(20):
        task = system.add("Fake", "fake")
        fake.job(task.id).complete()
        system.wait(task.id, timeout=PATIENCE)


def assert_all_heard(recorder: Recorder[Notification]) -> None:
    seqs = [change.seq for change in recorder.of(TaskChanged)]
    assert seqs == list(range(1, len(seqs) + 1))
    ends = [c for c in recorder.of(TaskChanged) if c.event is TaskEvent.COMPLETE]
    assert len(ends) == 20


def test_a_subscriber_that_dies_is_dropped(fake: FakeKind) -> None:
    news: Recorder[Notification] = Recorder("the other")

    with running(TaskSystem(kinds=[fake]), dead_letters=True) as system:
        dying = Subscriber.start(die)
        system.subscribe(dying)
        system.subscribe(news)
        assert dying.actor_stopped.wait(PATIENCE)
        play(system, fake)

    assert_all_heard(news)
    # The messages sent together with the fatal one, and then nothing more.
    assert system.dead_letters.count <= 3


def test_a_subscriber_that_blocks_delays_only_itself(fake: FakeKind) -> None:
    free = threading.Event()
    news: Recorder[Notification] = Recorder("the other")

    with no_leaks():
        with TaskSystem(kinds=[fake]) as system:
            blocked = Subscriber.start(lambda: _wait_for(free))
            heard = blocked.proxy().heard
            system.subscribe(blocked)
            system.subscribe(news)
            play(system, fake)
        assert not free.is_set()
        assert_all_heard(news)

        free.set()
        recorder: Recorder[Notification] = heard.get(timeout=PATIENCE)
        recorder.wait_for(TaskChanged, lambda c: c.seq == news.of(TaskChanged)[-1].seq)
        blocked.stop(timeout=PATIENCE)

    assert recorder.of(Subscribed)
    assert_all_heard(recorder)


def _wait_for(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def test_a_wait_returns_the_tasks_when_the_system_stops(
    run_system: Callable[[TaskSystem], TaskSystem], fake: FakeKind
) -> None:
    system = run_system(TaskSystem(kinds=[fake]))
    task = system.add("Fake", "fake")
    fake.job(task.id)
    stopping = threading.Timer(0.05, system.stop)
    stopping.start()

    (ended,) = system.wait(task.id, timeout=PATIENCE)

    stopping.join()
    assert ended.status is TaskStatus.CANCELED
