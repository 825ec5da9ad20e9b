"""Tasks as futures, with and without asyncio, and their output line by line."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from concurrent.futures import CancelledError, as_completed
from concurrent.futures import wait as wait_for_futures
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Notification,
    QueueActor,
    RefusalCode,
    RefusedError,
    SystemStopped,
    Task,
    TaskChanged,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
    Terms,
    Unsubscribe,
)
from backburner.actors.runtime.sending import post_safely
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE
from programs import run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from backburner.actors.messages import QueueMessage
    from backburner.actors.runtime.sending import DeadLetters, Recipient

FAKE = TaskRequest("Build", "fake")
ENDLESS = TaskRequest("Endless", "bash", ("echo begun; exec sleep 600",))


@pytest.fixture
def kind() -> FakeKind:
    return FakeKind()


@pytest.fixture
def system(kind: FakeKind) -> Iterator[TaskSystem]:
    with running(TaskSystem(kinds=[kind], slots=2)) as system:
        yield system


def test_a_future_returns_the_ended_task(system: TaskSystem, kind: FakeKind) -> None:
    good, bad = system.submit(FAKE), system.submit(FAKE)
    kind.job(1).complete("built")
    kind.job(2).fail("no such target")
    assert good.result(PATIENCE).reason == "built"
    assert bad.result(PATIENCE).status is TaskStatus.FAILED
    assert (good.task_id, bad.task_id) == (1, 2)
    assert not good.cancel()


def test_the_functions_of_concurrent_futures_accept_it(
    system: TaskSystem, kind: FakeKind
) -> None:
    futures = [system.submit(FAKE), system.submit(FAKE)]
    kind.job(2).complete()
    assert next(as_completed(futures, PATIENCE)) is futures[1]
    futures[0].cancel()
    done, not_done = wait_for_futures(futures, PATIENCE)
    assert (done, not_done) == (set(futures), set())


def test_the_future_of_a_task_that_can_never_start_ends(
    system: TaskSystem, kind: FakeKind
) -> None:
    bad = system.submit(FAKE)
    kind.job(1).fail("no such target")
    assert bad.result(PATIENCE).id == 1
    after = system.submit(TaskRequest("Then", "fake", terms=Terms(after=(1,))))
    assert after.result(PATIENCE).status is TaskStatus.CANCELED


def test_each_future_of_a_key_ends_with_its_task(
    system: TaskSystem, kind: FakeKind
) -> None:
    request = TaskRequest("Build", "fake", key="the same")
    first, second = system.submit(request), system.submit(request)
    kind.job(1).complete("built")
    task = first.result(PATIENCE)
    late = system.submit(request)
    assert second.result(PATIENCE) == late.result(PATIENCE) == task


def test_a_refused_request_fails_its_future(system: TaskSystem) -> None:
    future = system.submit(TaskRequest("Build", "fax"))
    with pytest.raises(RefusedError, match="unknown kind 'fax'") as refusal:
        future.result(PATIENCE)
    assert refusal.value.code is RefusalCode.INVALID
    with pytest.raises(TypeError, match="request must be TaskRequest, not str"):
        system.submit("make")  # pyright: ignore[reportArgumentType]


def test_a_callback_may_block_and_ask_the_system(
    system: TaskSystem, kind: FakeKind
) -> None:
    asked: Recorder[Task] = Recorder("the callback")
    threads: Recorder[str] = Recorder("its thread")

    def call(future: Future[Task]) -> None:
        threads.tell(threading.current_thread().name)
        asked.tell(system.get(future.result().id))

    system.submit(FAKE).add_done_callback(call)
    kind.job(1).complete()
    assert asked.wait_for(Task).id == 1
    assert threads.received == ("backburner-futures",)


def test_a_callback_that_would_deadlock_raises_at_once(
    system: TaskSystem, kind: FakeKind
) -> None:
    first, second = system.submit(FAKE), system.submit(FAKE)
    errors: Recorder[object] = Recorder()

    def wait_for_another(_: Future[Task]) -> None:
        try:
            second.result(timeout=600)
        except RuntimeError as error:
            errors.tell(error)

    first.add_done_callback(wait_for_another)
    kind.job(1).complete()

    assert "wait on another thread" in str(errors.wait_for(RuntimeError))
    kind.job(2).complete()
    assert second.result(PATIENCE).status is TaskStatus.COMPLETE


def test_canceling_a_future_cancels_its_task(
    system: TaskSystem, kind: FakeKind
) -> None:
    news: Recorder[Notification] = Recorder("the subscriber")
    runs, other = system.submit(FAKE), system.submit(FAKE)
    waits = system.submit(FAKE)
    system.subscribe(news)
    kind.job(1)
    kind.job(2)
    for future in (waits, runs):
        assert future.cancel()
        assert future.cancel()  # a second call changes nothing
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    for task_id in (3, 1):
        ended = system.wait(task_id, timeout=PATIENCE)
        assert ended[0].status is TaskStatus.CANCELED
    kind.job(2).complete()
    assert other.result(PATIENCE).status is TaskStatus.COMPLETE


def test_canceling_a_future_before_its_task_exists_cancels_the_task(
    system: TaskSystem, kind: FakeKind
) -> None:
    for _ in range(50):
        assert system.submit(FAKE).cancel()
    system.submit(FAKE)
    last = kind.job(51)
    tasks = system.wait(*range(1, 51), timeout=PATIENCE)
    assert {it.status for it in tasks} == {TaskStatus.CANCELED}
    last.complete()


def test_stopping_the_system_ends_all_futures(kind: FakeKind, tmp_path: Path) -> None:
    with running(TaskSystem(directory=tmp_path, kinds=[kind], slots=1)) as system:
        runs, waits = system.submit(FAKE), system.submit(FAKE)
        kind.job(1)
        system.stop("enough")
    assert runs.result(PATIENCE).status is TaskStatus.CANCELED
    with pytest.raises(TaskSystemError) as error:
        waits.result(PATIENCE)
    assert str(error.value) == (
        "task 2 has not ended, and the task system has stopped: enough"
    )


def test_a_restarted_system_has_futures() -> None:
    with running(TaskSystem()) as system:
        first = system.submit(TaskRequest("Nap", "sleep", ("1h",)))
        system.stop()
        with pytest.raises(RuntimeError, match="not started"):
            system.submit(FAKE)
        system.start()
        again = system.submit(TaskRequest("Nap", "sleep", ("0",)))
        assert again.result(PATIENCE).status is TaskStatus.COMPLETE
        assert first.result(PATIENCE).status is TaskStatus.CANCELED


def test_submitting_to_stopped_actors_raises(kind: FakeKind) -> None:
    with running(TaskSystem(kinds=[kind]), dead_letters=True) as system:
        future = system.submit(FAKE)
        kind.job(1)
        system.queue.stop(timeout=PATIENCE)
        with pytest.raises(TaskSystemError):
            future.result(PATIENCE)
        with pytest.raises(TaskSystemError, match="has stopped"):
            system.submit(FAKE)


async def _run(tasks: TaskSystem, request: TaskRequest) -> Task:
    return await asyncio.wrap_future(tasks.submit(request))


def test_canceling_a_coroutine_cancels_its_task(
    system: TaskSystem, kind: FakeKind
) -> None:
    async def main() -> None:
        waiting = asyncio.create_task(_run(system, FAKE))
        await asyncio.to_thread(kind.job, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED


def test_an_asyncio_timeout_cancels_the_task(system: TaskSystem) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await _run(system, FAKE)

    asyncio.run(main())
    (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the messages that the QueueActor handles by type."""
    counted: Counter[str] = Counter()
    handle = QueueActor.handle

    def count(actor: QueueActor, message: QueueMessage) -> None:
        counted[type(message).__name__] += 1
        handle(actor, message)

    monkeypatch.setattr(QueueActor, "handle", count)
    return counted


def test_400_coroutines_cost_no_more_messages_than_400_adds(
    messages: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def count(recipient: Recipient[object], message: object, dead: DeadLetters) -> bool:
        names.append(type(message).__name__)
        return post_safely(recipient, message, dead)

    monkeypatch.setattr("backburner.actors.queue.delivery.post_safely", count)

    async def main(system: TaskSystem) -> list[Task]:
        nap = TaskRequest("Nap", "sleep", ("0",))
        return await asyncio.gather(*(_run(system, nap) for _ in range(400)))

    with running(TaskSystem()) as system:
        ended = asyncio.run(main(system))
        assert len(ended) == 400
        assert messages["AddTask"] == 400
        assert messages["Subscribe"] == 1
        assert messages["TaskEnded"] == 400
        # Each future gets one answer and one end, plus the start of the subscription;
        # the other futures get no message.
        assert names.count("TaskAdded") == 400
        assert names.count("TaskChanged") <= 400 + 8
        assert names.count("Subscribed") == 1


# Output


@pytest.fixture
def shell() -> Iterator[TaskSystem]:
    with running(TaskSystem(grace=0.2)) as system:
        yield system


def test_output_is_followed_line_by_line_until_the_end(
    shell: TaskSystem, tmp_path: Path
) -> None:
    command = (
        "echo one; until test -e go; do sleep 0.01; done; printf 'two\\nthr'; echo ee"
        "; printf 'no \\377 end'"
    )
    task = shell.add("Count", "bash", command, directory=tmp_path)
    lines = shell.output(task.id, follow=True)
    assert next(lines) == "one"
    (tmp_path / "go").touch()
    rest = ["two", "three", "no \N{REPLACEMENT CHARACTER} end"]
    assert [*lines] == rest
    # After the end all lines are available at once.
    assert [*shell.output(task.id, follow=True)] == ["one", *rest]
    assert [*shell.output(task.id)] == ["one", *rest]
    assert shell.tail(task.id, 2) == tuple(rest[1:])
    assert shell.tail(task.id) == ("one", *rest)
    assert shell.tail(task.id, 0) == ()


def test_following_can_stop_at_any_time(
    shell: TaskSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: Recorder[object] = Recorder("what was sent")
    handle = QueueActor.handle

    def note(actor: QueueActor, message: QueueMessage) -> None:
        left.tell(message)
        handle(actor, message)

    monkeypatch.setattr(QueueActor, "handle", note)
    task = shell.add_request(ENDLESS)
    for line in shell.output(task.id, follow=True):
        assert line == "begun"
        break
    left.wait_for(Unsubscribe)


def test_following_ends_with_the_system(shell: TaskSystem) -> None:
    task = shell.add_request(ENDLESS)
    lines = shell.output(task.id, follow=True)
    assert next(lines) == "begun"
    shell.stop()
    assert [*lines] == []


def test_following_restarts_when_the_file_is_truncated(
    shell: TaskSystem, tmp_path: Path
) -> None:
    command = "echo before; until test -e go; do sleep 0.01; done; echo x > /dev/stdout"
    task = shell.add("Cut", "bash", command, directory=tmp_path)
    lines = shell.output(task.id, follow=True)
    assert next(lines) == "before"
    (tmp_path / "go").touch()
    assert [*lines] == ["x"]


def test_a_task_without_output_has_no_lines(shell: TaskSystem) -> None:
    task = shell.add("Nap", "sleep", "50ms")
    assert [*shell.output(task.id, follow=True)] == []
    assert shell.get(task.id).status is TaskStatus.COMPLETE
    assert shell.tail(task.id) == ()
    ask: tuple[Callable[[int], object], ...] = (shell.output, shell.tail)
    for it in ask:
        with pytest.raises(RefusedError, match="no task 99"):
            it(99)


def test_long_output_is_read_in_parts(shell: TaskSystem) -> None:
    task = shell.add(
        "Count", "bash", "seq 100000; head -c 200000 /dev/zero | tr '\\0' x"
    )
    shell.wait(task.id, timeout=PATIENCE)
    lines = [*shell.output(task.id)]
    assert lines == [*map(str, range(1, 100_001)), "x" * 200_000]
    assert shell.tail(task.id, 2) == ("100000", "x" * 200_000)
    assert shell.tail(task.id, 30_000) == tuple(lines[-30_000:])


def test_futures_receive_the_final_changes(system: TaskSystem, kind: FakeKind) -> None:
    news: Recorder[Notification] = Recorder("the subscriber")
    system.subscribe(news)
    future = system.submit(FAKE)
    kind.job(1)
    system.stop()
    assert future.result(PATIENCE) == news.of(TaskChanged)[-1].task
    assert isinstance(news.received[-1], SystemStopped)


_SUBMITS_IN_A_HANDLER = """
import signal
from backburner.actors import TaskRequest, TaskSystem

statuses = []
request = TaskRequest("Build", "bash", ("true",))

def handle(*_):
    statuses.append(tasks.submit(request).result(60).status)
    (ended,) = tasks.wait(tasks.add("Test", "bash", "true").id, timeout=60)
    statuses.append(ended.status)

class Interrupted(dict):
    def __setitem__(self, *item):
        super().__setitem__(*item)
        if not statuses:
            statuses.append("handled")
            signal.raise_signal(signal.SIGUSR1)

signal.signal(signal.SIGUSR1, handle)
with TaskSystem() as tasks:
    tasks.submit(request).result(60)
    tasks._futures._asked = Interrupted()
    statuses.append(tasks.submit(request).result(60).status)
    print(*statuses)
"""


def test_a_signal_handler_may_wait_for_a_task_during_a_submit() -> None:
    host = run_program(sys.executable, "-c", _SUBMITS_IN_A_HANDLER)
    assert (host.stdout, host.stderr) == ("handled complete complete complete\n", "")
