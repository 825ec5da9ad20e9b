from __future__ import annotations

import gc
import logging
import os
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
from backburner.actors import Promise
from backburner.actors.processes.exits import PidfdWatcher
from backburner.actors.runtime import dispatcher
from backburner.actors.runtime.dispatcher import Dispatcher
from conditions import until
from patience import PATIENCE

Calls = list[Callable[[], object]]

_CROSSINGS = 2000 if os.environ.get("BACKBURNER_SOAK") else 300


@pytest.fixture
def events() -> Iterator[PidfdWatcher]:
    events = PidfdWatcher()
    yield events
    events.close()


@pytest.fixture
def shared(events: PidfdWatcher) -> Iterator[Dispatcher]:
    shared = Dispatcher("test", events)
    yield shared
    shared.close()
    assert not _threads()


@pytest.fixture
def later() -> Calls:
    """Return the delayed calls."""
    return []


@pytest.fixture
def looking(events: PidfdWatcher, later: Calls) -> Iterator[Dispatcher]:
    """Return a dispatcher that assumes quick starts of processes."""
    looking = Dispatcher("test", events, lambda _, call: later.append(call))
    yield looking
    looking.close()
    assert not _threads()


def _threads() -> set[str]:
    return {it.name for it in threading.enumerate() if it.name.startswith("test-")}


def _take_turn(shared: Dispatcher) -> str:
    """Request a turn, and return the name of its thread."""
    taken: Promise[str] = Promise()
    shared.submit(lambda: taken.tell(threading.current_thread().name))
    return taken.get(PATIENCE)


class _Stuck:
    """Turns that block until the end of a `with` block."""

    def __init__(
        self, shared: Dispatcher, count: int = 1, *, long: bool = False
    ) -> None:
        self._go_on = threading.Event()
        self._shared = shared
        self._count = count
        self._long = long

    def __enter__(self) -> None:
        for _ in range(self._count):
            entered = threading.Event()

            def block(entered: threading.Event = entered) -> None:
                self._shared.about_to_block(long=self._long)
                entered.set()
                self._go_on.wait(PATIENCE)

            self._shared.submit(block)
            assert entered.wait(PATIENCE)

    def __exit__(self, *_: object) -> None:
        self._go_on.set()


def test_turns_run_sequentially_on_one_thread(shared: Dispatcher) -> None:
    assert {_take_turn(shared) for _ in range(50)} == {"test-1"}


def test_turns_run_in_order(shared: Dispatcher) -> None:
    taken: Promise[int] = Promise()
    for number in range(500):
        shared.submit(lambda number=number: taken.tell(number))
    assert [taken.get(PATIENCE) for _ in range(500)] == list(range(500))


def test_a_turn_requested_by_a_turn_runs_on_the_same_thread(shared: Dispatcher) -> None:
    taken: Promise[str] = Promise()

    def tell() -> None:
        taken.tell(threading.current_thread().name)

    def first() -> None:
        tell()
        shared.submit(tell)

    shared.submit(first)
    assert taken.get(PATIENCE) == taken.get(PATIENCE) == "test-1"


@pytest.mark.parametrize("count", [1, 3])
def test_a_turn_that_announces_blocking_delays_no_other(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    # Turns that block for longer no longer count as at work.
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    with _Stuck(shared, count):
        # Without a nudge, so another thread is waiting for events.
        assert _take_turn(shared) == f"test-{count + 1}"


@pytest.mark.parametrize("count", [1, 3])
def test_a_long_block_is_not_expected_back(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(dispatcher, "STUCK", PATIENCE)
    with _Stuck(shared, count, long=True):
        assert _take_turn(shared) == f"test-{count + 1}"


def test_no_thread_is_started_while_another_is_about_to_continue(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "STUCK", PATIENCE)
    with _Stuck(shared, 1):
        assert _take_turn(shared) == "test-2"
        done: Promise[None] = Promise()

        def block() -> None:
            for _ in range(10):
                shared.about_to_block()
            done.tell(None)

        shared.submit(block)
        done.get(PATIENCE)
        assert len(_threads()) == 2


def test_unannounced_blocking_is_noticed_at_the_next_nudge(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def block() -> None:
        entered.set()
        go_on.wait(PATIENCE)

    taken: Promise[str] = Promise()
    shared.submit(block)
    assert entered.wait(PATIENCE)
    monkeypatch.setattr(dispatcher, "STUCK", PATIENCE)
    shared.submit(lambda: taken.tell("behind"))
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    with pytest.raises(TimeoutError):
        taken.get(0)
    until(lambda: _is_heard(shared, taken))
    go_on.set()


def _is_heard(shared: Dispatcher, taken: Promise[str]) -> bool:
    shared.nudge()
    try:
        return taken.get(0) == "behind"
    except TimeoutError:
        return False


def test_only_one_idle_thread_remains(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    with _Stuck(shared, 5):
        assert len(_threads()) == 6
    until(lambda: _threads() == {"test-1"})
    assert _take_turn(shared) == "test-1"


def test_a_failing_turn_does_not_affect_others(
    shared: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise SystemExit("told to")

    with caplog.at_level(logging.ERROR):
        shared.submit(fail)
        until(lambda: "told to" in caplog.text)
        assert _take_turn(shared) == "test-1"


def test_an_actor_is_freed_after_its_turn(shared: Dispatcher) -> None:
    class Actor:
        def turn(self) -> None:
            """Return at once."""

    actor = Actor()
    gone = weakref.ref(actor)
    shared.submit(actor.turn)
    del actor
    until(lambda: gc.collect() >= 0 and gone() is None)


def test_turns_and_ends_of_threads_cross_without_loss(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "KEPT", 0.0)
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    done: Promise[int] = Promise()

    def turn(number: int) -> None:
        shared.about_to_block()
        done.tell(number)

    for number in range(_CROSSINGS):
        shared.submit(lambda number=number: turn(number))
    numbers = sorted(done.get(PATIENCE) for _ in range(_CROSSINGS))
    assert numbers == list(range(_CROSSINGS))


def test_closing_runs_the_waiting_turns(shared: Dispatcher) -> None:
    taken: Promise[int] = Promise()
    for number in range(100):
        shared.submit(lambda number=number: taken.tell(number))
    shared.close()
    assert [taken.get(0) for _ in range(100)] == list(range(100))
    assert not _threads()


def test_closing_does_not_wait_forever_for_a_stuck_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "_JOIN_TIMEOUT", 0.01)
    shared = Dispatcher("test", PidfdWatcher())
    with _Stuck(shared):
        shared.close()
        assert _threads()
    until(lambda: not _threads())


def test_closing_while_a_thread_starts_raises_nothing(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, taken = threading.Thread.start, Promise[str]()

    def close_before(thread: threading.Thread) -> None:
        shared.close()
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", close_before)
        shared.submit(lambda: taken.tell("taken"))
    assert taken.get(PATIENCE) == "taken"


def test_without_any_thread_a_turn_is_refused(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError(f"can't start new thread {thread.name}")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            shared.submit(lambda: None)
    assert _take_turn(shared).startswith("test-")


def test_an_interrupted_thread_start_leaves_no_thread(
    shared: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(thread: threading.Thread) -> None:
        raise KeyboardInterrupt(thread.name)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            shared.submit(lambda: None)
    assert _take_turn(shared).startswith("test-")


def test_an_exception_of_a_signal_handler_reaches_the_sender(
    shared: Dispatcher, events: PidfdWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the handler was called after the turn had been taken."""
    waits, taken = threading.Event(), Promise[str]()
    wake, wait = events.wake, events.wait

    def waiting(timeout: float | None) -> bool:
        waits.set()
        return wait(timeout)

    def interrupted() -> None:
        wake()
        taken.get(PATIENCE)
        raise RecursionError("planted")

    monkeypatch.setattr(events, "wait", waiting)
    _take_turn(shared)
    assert waits.wait(PATIENCE)
    with monkeypatch.context() as patched:
        patched.setattr(events, "wake", interrupted)
        with pytest.raises(RecursionError, match="planted"):
            shared.submit(lambda: taken.tell("taken"))


@pytest.mark.parametrize(
    ("why", "warns"),
    [
        ("can't start new thread", True),
        # Nothing can be done about it, and nothing depends on it.
        ("can't create new thread at interpreter shutdown", False),
    ],
)
def test_the_first_thread_does_all_work_if_no_other_can_start(
    why: str,
    shared: Dispatcher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    warns: bool,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError(f"{why} {thread.name}")

    assert _take_turn(shared) == "test-1"
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with _Stuck(shared):
        pass
    assert _take_turn(shared) == "test-1"
    assert ("the existing ones continue" in caplog.text) == warns


def test_turns_requested_before_blocking_run_during_the_block(
    shared: Dispatcher,
) -> None:
    taken: Promise[str] = Promise()

    def ask_and_wait() -> None:
        answer: Promise[str] = Promise()
        shared.about_to_block()
        shared.submit(lambda: answer.tell("done"))
        taken.tell(answer.get(PATIENCE))

    shared.submit(ask_and_wait)
    # Without a nudge this would never return if both needed the same thread.
    assert taken.get(PATIENCE) == "done"


class _Start:
    """A start of a process that has begun, and a turn behind it.

    Args:
        shared: The dispatcher.
    """

    def __init__(self, shared: Dispatcher) -> None:
        self._go_on = threading.Event()
        self._done: Promise[None] = Promise()
        self.behind: Promise[str] = Promise()
        """The thread that takes the turn behind the start, without an outside event."""
        entered = threading.Event()

        def start() -> None:
            shared.submit(lambda: self.behind.tell(threading.current_thread().name))
            shared.about_to_start()
            entered.set()
            self._go_on.wait(2 * PATIENCE)
            self._done.tell(None)

        shared.submit(start)
        assert entered.wait(PATIENCE)

    def end(self) -> None:
        """Let the start return, and the turn behind it run."""
        self._go_on.set()
        self._done.get(PATIENCE)


def test_one_thread_does_all_work_while_starts_are_quick(
    looking: Dispatcher, later: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "SLOW", PATIENCE)
    for _ in range(3):
        start = _Start(looking)
        start.end()
        assert start.behind.get(PATIENCE) == "test-1"
    assert len(later) == 1


def test_after_a_slow_start_other_turns_run_during_later_starts(
    looking: Dispatcher, later: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "SLOW", 0.0)
    start = _Start(looking)
    start.end()
    start.behind.get(PATIENCE)
    monkeypatch.setattr(dispatcher, "SLOW", PATIENCE)
    for _ in range(dispatcher.SLOW_STARTS):
        start = _Start(looking)
        start.behind.get(PATIENCE)
        start.end()
        _take_turn(looking)  # behind the end of the start
    assert len(later) == 1


def test_without_a_delayed_check_each_start_hands_over(shared: Dispatcher) -> None:
    start = _Start(shared)
    assert start.behind.get(PATIENCE) == "test-2"
    start.end()


@pytest.mark.parametrize("count", [1, 3])
def test_a_hanging_start_delays_other_turns_until_the_check(
    looking: Dispatcher, later: Calls, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    starts: list[_Start] = []
    for number in range(count):
        starts.append(_Start(looking))
        monkeypatch.setattr(dispatcher, "STUCK", PATIENCE)
        later.pop()()  # the call may have begun just now
        with pytest.raises(TimeoutError):
            starts[-1].behind.get(0)
        monkeypatch.setattr(dispatcher, "STUCK", 0.0)
        later.pop()()
        assert starts[-1].behind.get(PATIENCE) == f"test-{number + 2}"
        assert not later
    for start in starts:
        start.end()


def test_an_exit_is_noticed_while_a_start_hangs(
    looking: Dispatcher,
    events: PidfdWatcher,
    later: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, taken = _Start(looking), Promise[str]()
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    with subprocess.Popen(["true"]) as process:
        events.watch(process.pid, lambda: taken.tell("exited"))
        later.pop()()
        assert taken.get(PATIENCE) == "exited"
    start.end()


def test_a_waiting_thread_continues_while_a_start_hangs(
    looking: Dispatcher,
    events: PidfdWatcher,
    later: Calls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, wait = list[None](), events.wait

    def counted(timeout: float | None) -> bool:
        waiting.append(None)
        try:
            return wait(timeout)
        finally:
            waiting.pop()

    monkeypatch.setattr(events, "wait", counted)
    monkeypatch.setattr(dispatcher, "KEPT", 2 * PATIENCE)  # stays the same
    with _Stuck(looking):
        assert _take_turn(looking) == "test-2"
    until(lambda: len(waiting) == 2)
    monkeypatch.setattr(dispatcher, "STUCK", 0.0)
    start = _Start(looking)
    later.pop()()
    start.behind.get(PATIENCE)
    start.end()


def test_checking_a_closed_dispatcher_does_nothing(
    looking: Dispatcher, later: Calls
) -> None:
    _Start(looking).end()
    looking.close()
    later.pop()()
    assert not later
    assert not _threads()


def test_blocking_outside_a_turn_is_ignored(looking: Dispatcher, later: Calls) -> None:
    looking.about_to_block()
    looking.about_to_start()
    assert not _threads()
    assert not later
