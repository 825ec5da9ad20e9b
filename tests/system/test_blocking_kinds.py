"""A kind that blocks delays only its own jobs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from backburner.actors import (
    BashKind,
    Outcome,
    SleepKind,
    TaskStatus,
    TaskSystem,
    Terms,
    runner_actor,
)
from backburner.actors.kinds import JobEnd
from backburner.actors.processes import spawn
from backburner.actors.processes import table as process_table
from backburner.actors.runtime import dispatcher
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backburner.actors.kinds import JobContext


class _BlockingKind:
    """Blocks in one of its methods until it is released."""

    name = "block"
    usage = "METHOD"
    summary = "block in a method"
    writes_output = False

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def check(self, args: tuple[str, ...]) -> None:
        """Accept anything."""

    def start(self, context: JobContext) -> _BlockingJob:
        self.block(context, "start")
        context.look()
        return _BlockingJob(self, context)

    def block(self, context: JobContext, method: str) -> None:
        if method in context.task.args:
            self.entered.release()
            assert self.go_on.wait(PATIENCE)


class _BlockingJob:
    def __init__(self, kind: _BlockingKind, context: JobContext) -> None:
        self._kind = kind
        self._context = context
        self._ending = False

    def look(self) -> JobEnd | None:
        self._kind.block(self._context, "look")
        if "stop" in self._context.task.args and not self._ending:
            return None
        return JobEnd(Outcome.complete("let go"))

    def progress(self) -> int | None:
        return None

    def pid(self) -> int | None:
        return None

    def stop(self) -> None:
        self._kind.block(self._context, "stop")
        self._ending = True
        self._context.look()

    kill = stop


@pytest.fixture
def kind() -> Iterator[_BlockingKind]:
    kind = _BlockingKind()
    yield kind
    kind.go_on.set()


@pytest.fixture
def system(
    kind: _BlockingKind, run_system: Callable[[TaskSystem], TaskSystem]
) -> TaskSystem:
    return run_system(TaskSystem(kinds=[kind, SleepKind()], slots=10, grace=60))


@pytest.mark.parametrize("method", ["start", "look"])
@pytest.mark.parametrize("count", [1, 4])
def test_other_tasks_keep_running_while_jobs_block(
    system: TaskSystem, kind: _BlockingKind, method: str, count: int
) -> None:
    stuck = [system.add("Stuck", "block", method).id for _ in range(count)]
    for _ in stuck:
        assert kind.entered.acquire(timeout=PATIENCE)
    for _ in range(3):
        _run_nap(system)
    assert {system.get(it).status for it in stuck} == {TaskStatus.RUNNING}
    kind.go_on.set()
    for ended in system.wait(*stuck, timeout=PATIENCE):
        assert ended.reason == "let go"


class _SlowBashKind(BashKind):
    """Takes a while to return its command."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        self.entered.release()
        assert self.go_on.wait(PATIENCE)
        return super().command(args)


def test_a_subclass_of_the_bash_kind_may_block_in_its_start(
    run_system: Callable[[TaskSystem], TaskSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "STUCK", PATIENCE)  # no turn counts as stuck
    kind = _SlowBashKind()
    system = run_system(TaskSystem(kinds=[kind, SleepKind()], slots=10))
    stuck = system.add("Stuck", "bash", "true")
    assert kind.entered.acquire(timeout=PATIENCE)
    _run_nap(system)
    kind.go_on.set()
    system.wait(stuck.id, timeout=PATIENCE)


@pytest.mark.parametrize("count", [1, 4])
def test_other_tasks_keep_running_while_process_starts_hang(
    run_system: Callable[[TaskSystem], TaskSystem],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    entered, go_on, start = threading.Semaphore(0), threading.Event(), spawn.spawn

    def hang(*args: Any, **options: Any) -> int:  # noqa: ANN401 - its own signature
        entered.release()
        assert go_on.wait(PATIENCE)
        return start(*args, **options)

    monkeypatch.setattr(spawn, "spawn", hang)
    # A tick arrives from outside, after which other actors continue as well.
    monkeypatch.setattr(runner_actor, "TICK", PATIENCE)
    system = run_system(TaskSystem(slots=10))
    stuck = [system.add("Stuck", "bash", "true").id for _ in range(count)]
    for _ in stuck:
        assert entered.acquire(timeout=PATIENCE)
    _run_nap(system)
    assert {system.get(it).status for it in stuck} == {TaskStatus.RUNNING}
    go_on.set()
    system.wait(*stuck, timeout=PATIENCE)


def _run_nap(system: TaskSystem) -> None:
    nap = system.add("Nap", "sleep", "0.01")
    (ended,) = system.wait(nap.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.COMPLETE


def test_other_tasks_keep_running_while_a_job_does_not_stop(
    system: TaskSystem, kind: _BlockingKind
) -> None:
    stuck = system.add("Stuck", "block", "stop")
    system.cancel(stuck.id)
    assert kind.entered.acquire(timeout=PATIENCE)
    _run_nap(system)
    kind.go_on.set()
    (ended,) = system.wait(stuck.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED


def test_a_job_may_use_its_own_system_when_it_starts(
    run_system: Callable[[TaskSystem], TaskSystem],
) -> None:
    class AddingKind(_BlockingKind):
        def start(self, context: JobContext) -> _BlockingJob:
            inner = system.add("Inner", "sleep", "0")
            (ended,) = system.wait(inner.id, timeout=PATIENCE)
            assert ended.status is TaskStatus.COMPLETE
            return super().start(context)

    system = run_system(TaskSystem(kinds=[AddingKind(), SleepKind()], slots=2))
    outer = system.add("Outer", "block")
    (ended,) = system.wait(outer.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.COMPLETE


def test_no_search_of_the_process_table_delays_other_actors(
    monkeypatch: pytest.MonkeyPatch, run_system: Callable[[TaskSystem], TaskSystem]
) -> None:
    system = run_system(TaskSystem(grace=0.1))
    delays, checked = list[bool](), threading.Semaphore(0)
    read = process_table._read  # pyright: ignore[reportPrivateUsage]

    def read_and_note() -> process_table.Table:
        delays.append(system.is_own_thread())
        checked.release()
        return read()

    monkeypatch.setattr(process_table, "_read", read_and_note)
    terms = Terms(memory=1 << 40)
    command = "trap '' TERM; setsid sleep 60 & while :; do sleep 0.01; done"
    task = system.add("Loop", "bash", command, terms=terms)
    for _ in range(2):  # by its limit
        assert checked.acquire(timeout=PATIENCE)
    system.pause_task(task.id)
    system.resume_task(task.id)
    system.cancel(task.id)
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED
    assert delays
    assert not any(delays)
