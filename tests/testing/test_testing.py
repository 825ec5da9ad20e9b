"""The test helpers are public API, so they are tested too."""

from __future__ import annotations

import asyncio
import math
import subprocess
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import pykka
import pytest
from backburner.actors import (
    DeadLetters,
    Notification,
    SleepKind,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import (
    AsyncRecorder,
    FakeKind,
    ManualClock,
    ManualExits,
    Recorder,
    leaks,
    make_task,
    no_leaks,
    running,
)
from patience import PATIENCE
from standstill import TOO_SHORT, call_after_standstill

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_recorder_keeps_everything_in_order() -> None:
    recorder: Recorder[int | str] = Recorder()
    for message in (1, "two", 3):
        recorder.tell(message)
    assert recorder.received == (1, "two", 3)
    assert recorder.of(int) == (1, 3)


def test_a_recorder_finds_earlier_messages_and_returns_each_once() -> None:
    recorder: Recorder[int | str] = Recorder()
    for message in (1, "two", 3):
        recorder.tell(message)
    assert recorder.wait_for(int, lambda n: n > 1) == 3
    assert recorder.wait_for(int) == 1
    with pytest.raises(AssertionError):
        recorder.wait_for(int, timeout=0)
    assert recorder.wait_for(lambda message: message == "two") == "two"


def test_a_recorder_waits_for_a_message_from_another_thread() -> None:
    recorder: Recorder[int] = Recorder()
    sender = threading.Timer(0.02, recorder.tell, (1,))
    sender.start()
    assert recorder.wait_for(int) == 1
    sender.join()


def test_a_recorder_survives_a_stall_of_the_machine() -> None:
    recorder: Recorder[int] = Recorder()
    call_after_standstill(lambda: recorder.tell(1))
    assert recorder.wait_for(int, timeout=TOO_SHORT) == 1
    call_after_standstill(lambda: recorder.tell(2))
    assert recorder.wait_for_count(int, 2, timeout=TOO_SHORT) == (1, 2)


def test_a_manual_clock_survives_a_stall_of_the_machine() -> None:
    clock = ManualClock()
    call_after_standstill(lambda: clock.call_later(1, lambda: None))
    clock.wait_until_scheduled(timeout=TOO_SHORT)


def test_a_time_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a number, not nan"):
        Recorder[int]().wait_for(int, timeout=math.nan)


def test_a_timed_out_wait_names_the_received_messages() -> None:
    recorder: Recorder[int | str] = Recorder("the till")
    recorder.tell(7)
    recorder.tell("x" * 1000)
    recorder.wait_for(int)
    with pytest.raises(AssertionError) as failure:
        recorder.wait_for(float, timeout=0)
    text = str(failure.value)
    assert "no float for the till within 0 s; received 2:" in text
    assert "1. 7 (waited for already)" in text
    assert "2. 'xxx" in text
    assert len(text) < 500


def test_a_wait_for_too_many_says_how_many_there_are() -> None:
    recorder: Recorder[int] = Recorder()
    recorder.tell(1)
    recorder.tell(2)
    assert recorder.wait_for_count(int, 2) == (1, 2)
    with pytest.raises(AssertionError, match="only 2 of 3 int"):
        recorder.wait_for_count(int, 3, timeout=0)


def test_a_dead_recorder_refuses_like_a_stopped_actor() -> None:
    recorder: Recorder[int] = Recorder()
    recorder.die()
    with pytest.raises(pykka.ActorDeadError):
        recorder.tell(1)
    assert recorder.received == ()


def test_a_blocking_recorder_delays_its_sender() -> None:
    recorder: Recorder[int] = Recorder()
    sender = threading.Thread(target=recorder.tell, args=(1,))
    with recorder.blocking():
        sender.start()
        assert recorder.wait_for(int) == 1
        assert sender.is_alive()
    sender.join(PATIENCE)
    assert not sender.is_alive()


def test_a_manual_clock_runs_calls_when_they_are_due() -> None:
    clock = ManualClock()
    made: list[tuple[str, float]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: made.append((name, clock.now().monotonic))

    clock.call_later(2, note("second"))
    clock.call_later(1, note("first"))
    clock.call_later(2, note("third"))
    dropped = clock.call_later(1, note("never"))
    dropped.cancel()
    assert clock.scheduled == 3
    clock.advance(0.5)
    assert made == []
    clock.advance(1.5)
    assert made == [("first", 1), ("second", 2), ("third", 2)]
    assert clock.scheduled == 0


def test_a_manual_clock_moves_both_of_its_times() -> None:
    clock = ManualClock()
    before = clock.now()
    clock.advance(90)
    after = clock.now()
    assert after.monotonic - before.monotonic == 90
    assert (after.wall - before.wall).total_seconds() == 90


def test_a_manual_clock_runs_calls_scheduled_by_calls() -> None:
    clock = ManualClock()
    made: list[float] = []

    def again() -> None:
        made.append(clock.now().monotonic)
        clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(3.5)
    assert made == [1, 2, 3]
    assert clock.now().monotonic == 3.5


def test_a_wait_for_a_scheduled_call_says_how_many_there_are() -> None:
    clock = ManualClock()
    clock.call_later(1, lambda: None)
    clock.wait_until_scheduled()
    with pytest.raises(AssertionError, match="1 of 2 calls"):
        clock.wait_until_scheduled(2, timeout=0)


def test_a_leaked_thread_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "SETTLE", 0.0)
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="left-behind")
    try:
        with pytest.raises(AssertionError, match="thread left-behind"), no_leaks():
            thread.start()
    finally:
        done.set()
        thread.join()


def test_a_briefly_stalled_thread_is_not_a_leak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaks, "SETTLE", TOO_SHORT)
    done = threading.Event()
    with no_leaks():
        threading.Thread(target=done.wait).start()
        call_after_standstill(done.set)


def test_a_leaked_process_is_named() -> None:
    children: list[subprocess.Popen[bytes]] = []
    try:
        with pytest.raises(AssertionError, match=r"process .*sleep"), no_leaks():
            children.append(subprocess.Popen(["sleep", "600"]))
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_leaked_actor_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "SETTLE", 0.0)

    class Idle(pykka.ThreadingActor):
        pass

    refs: list[pykka.ActorRef[Idle]] = []
    try:
        with pytest.raises(AssertionError, match=r"actor .*Idle"), no_leaks():
            refs.append(Idle.start())
    finally:
        for ref in refs:
            ref.stop()


def _lose_a_message(system: TaskSystem, *, expected: bool) -> None:
    gone: Recorder[Notification] = Recorder("the gone one")
    with running(system, dead_letters=expected):
        system.subscribe(gone)
        gone.die()
        system.add("Nap", "sleep", "0")


def test_an_unexpected_dead_letter_is_reported() -> None:
    _lose_a_message(TaskSystem(), expected=True)
    with pytest.raises(AssertionError, match="dead letter"):
        _lose_a_message(TaskSystem(), expected=False)


def test_the_fixtures_run_systems_side_by_side(
    task_system: TaskSystem, run_system: Callable[[TaskSystem], TaskSystem]
) -> None:
    kind = FakeKind()
    other = run_system(TaskSystem(kinds=[kind], slots=1))
    task, other_task = task_system.add("Nap", "sleep", "0"), other.add("Build", "fake")
    kind.job(other_task.id).complete("built")
    (ended,) = other.wait(other_task.id, timeout=PATIENCE)
    assert (ended.status, ended.reason) == ("complete", "built")
    (ended,) = task_system.wait(task.id, timeout=PATIENCE)
    assert ended.reason == "slept"


def test_a_recorder_can_be_cleared() -> None:
    recorder: Recorder[int] = Recorder()
    recorder.tell(1)
    assert recorder.wait_for(int) == 1
    recorder.clear()
    assert recorder.received == ()
    recorder.tell(2)
    assert recorder.wait_for(int) == 2


def test_events_are_the_changes_in_order_without_progress() -> None:
    kind, news = FakeKind(), Recorder[Notification]()
    with running(TaskSystem(kinds=[kind])) as system:
        system.subscribe(news)
        task = system.add("Build", "fake")
        kind.job(task.id).advance_to(50)
        news.wait_for(TaskChanged, lambda it: it.task.progress == 50)
        kind.job(task.id).complete()
        system.wait(task.id, timeout=PATIENCE)
    assert news.events() == ((1, "queued"), (1, "running"), (1, "complete"))
    assert (1, "progress") in news.events(progress=True)


def test_an_async_recorder_waits_without_blocking_the_loop() -> None:
    async def main() -> None:
        recorder: AsyncRecorder[int | str] = AsyncRecorder("the till")
        sender = threading.Timer(0.02, recorder.tell, (1,))
        sender.start()
        beats = asyncio.create_task(asyncio.sleep(0))
        assert await recorder.wait_for(int) == 1
        await beats
        recorder.tell("two")
        recorder.tell(3)
        assert await recorder.wait_for(lambda it: it == 3) == 3
        assert await recorder.wait_for(str) == "two"
        with pytest.raises(AssertionError, match="no float for the till within 0 s"):
            await recorder.wait_for(float, timeout=0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await recorder.wait_for(float)
        assert recorder.received == (1, "two", 3)
        sender.join()

    asyncio.run(main())


def test_an_async_recorder_subscribes_like_any_other() -> None:
    async def main(system: TaskSystem) -> None:
        news: AsyncRecorder[Notification] = AsyncRecorder()
        await asyncio.to_thread(system.subscribe, news)
        await asyncio.to_thread(system.add, "Nap", "sleep", "0")
        await news.wait_for(TaskChanged, lambda it: it.task.status.is_final)

    with running(TaskSystem(), ignore=["asyncio_*"]) as system:
        asyncio.run(main(system))


@pytest.mark.parametrize("status", TaskStatus)
def test_a_task_can_be_made_in_any_status(status: TaskStatus) -> None:
    task = make_task(7, status, description="Build", origin="ci")
    assert (task.id, task.status, task.description) == (7, status, "Build")
    assert (task.started_at is None) is (status is TaskStatus.QUEUED)
    assert (task.ended_at is not None) is status.is_final
    assert (task.error is not None) is (status is TaskStatus.FAILED)
    assert make_task(7, status.value, description="Build", origin="ci") == task


def test_an_impossible_task_is_refused() -> None:
    assert make_task(status="failed", reason="exit status 2").error == "exit status 2"
    with pytest.raises(ValueError, match="has no exit code"):
        make_task(status="running", exit_code=1)
    with pytest.raises(TypeError, match="colour"):
        make_task(colour="red")


def test_allowed_leaks_are_ignored_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "SETTLE", 0.0)
    done = threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    class Idle(pykka.ThreadingActor):
        pass

    refs: list[pykka.ActorRef[Idle]] = []
    try:
        with no_leaks(ignore=["left-*", "sleep", "Idle*"]):
            threading.Thread(target=done.wait, name="left-behind").start()
            child.append(subprocess.Popen(["sleep", "600"]))
            refs.append(Idle.start())
    finally:
        done.set()
        for ref in refs:
            ref.stop()
        for it in child:
            it.kill()
            it.wait()


def test_dead_letters_are_named() -> None:
    with pytest.raises(AssertionError, match="TaskChanged for <Recorder the gone one>"):
        _lose_a_message(TaskSystem(), expected=False)
    letters = DeadLetters()
    for number in range(30):
        letters.add("nobody", number)
    assert (letters.count, len(letters.last)) == (30, 20)
    assert letters.last[0] == "int for nobody"


def test_a_system_accepts_a_manual_clock() -> None:
    clock, kind = ManualClock(), FakeKind(ignores={"stop"})
    with running(TaskSystem(kinds=[kind, SleepKind()], clock=clock)) as system:
        nap = system.add("Nap", "sleep", "1h")
        stubborn = system.add("Stubborn", "fake")
        job = kind.job(stubborn.id)
        assert nap.queued_at == clock.now().wall
        clock.wait_until_scheduled(2)  # the end of the nap, and a look at all jobs
        clock.advance(3600)
        (ended,) = system.wait(nap.id, timeout=PATIENCE)
        assert (ended.status, ended.duration) == ("complete", 3600)
        system.cancel(stubborn.id)
        job.asked.wait_for(lambda step: step == "stop")
        assert "kill" not in job.asked.received
        clock.wait_until_scheduled(2)
        # The grace period, and the look after it.
        clock.advance(5)
        (ended,) = system.wait(stubborn.id, timeout=PATIENCE)
        assert (ended.status, ended.duration) == ("canceled", 3605)


_WRONG_CALLS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Recorder[Any]().wait_for(cast("Any", "TaskChanged")),
        "wanted must be a type, such as TaskChanged, or a function, not 'TaskChanged'",
    ),
    (
        lambda: Recorder[Any]().wait_for(TaskChanged, cast("Any", TaskEvent.COMPLETE)),
        "where must be a function, not <TaskEvent.COMPLETE: 'complete'>",
    ),
    (
        lambda: Recorder[Any]().wait_for(cast("Any", len), bool),
        "where needs a type; combine both in one function",
    ),
    (
        lambda: Recorder[Any]().wait_for_count(cast("Any", "text"), 1),
        "wanted must be type, not 'text'",
    ),
    (
        lambda: Recorder[Any]().wait_for_count(int, cast("Any", "2")),
        "count must be int, not '2'",
    ),
    (
        lambda: FakeKind(ignores=cast("Any", "kill")),
        "ignores must be a set of steps, such as {'kill'}",
    ),
    (
        lambda: FakeKind(ignores={"look"}),
        "ignores can have stop or kill, not 'look'",
    ),
    (
        lambda: FakeKind(raises=cast("Any", {"begin": ValueError()})),
        "raises can have check, start, pid, look, progress, pause, resume, stop, ",
    ),
    (
        lambda: FakeKind(raises=cast("Any", {"start": "boom"})),
        "raises['start'] must be BaseException, not 'boom'",
    ),
    (
        lambda: FakeKind().job(cast("Any", make_task())),
        "task_id must be int, not Task(",
    ),
    (
        lambda: ManualClock().advance(-1),
        "seconds must be 0 or more, not -1",
    ),
    (
        lambda: ManualClock().advance(cast("Any", "1")),
        "seconds must be a number, not '1'",
    ),
    (
        lambda: ManualClock().call_later(1, cast("Any", 7)),
        "call must be a function, not 7",
    ),
    (
        lambda: ManualClock(datetime(2026, 1, 1)),  # noqa: DTZ001 - that is the fault
        "start needs a time zone, such as tzinfo=UTC",
    ),
    (
        lambda: ManualExits().exit(5),
        "process 5 is not watched; watched processes: none",
    ),
    (
        lambda: no_leaks(ignore="asyncio_*").__enter__(),
        "ignore must be a list of patterns, such as ['asyncio_*']",
    ),
    (
        lambda: no_leaks(cast("Any", TaskSystem())).__enter__(),
        "systems must be Iterable, not <TaskSystem",
    ),
    (
        lambda: running(cast("Any", TaskSystem)).__enter__(),
        "system must be a system, not a class; give TaskSystem()",
    ),
    (
        lambda: make_task(description=5),
        "description must be str, not int",
    ),
]


@pytest.mark.parametrize(("call", "says"), _WRONG_CALLS)
def test_an_argument_of_a_wrong_type_is_named_at_once(
    call: Callable[[], object], says: str
) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)) as refused:
        call()
    assert str(refused.value.args[0]).startswith(says)
    assert "\n" not in str(refused.value)
