from __future__ import annotations

import math
import queue
import threading
import time
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors.runtime.clock import SystemClock
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    clock = SystemClock()
    yield clock
    clock.close()


class _Gate:
    """A call that blocks the clock's thread until it is opened."""

    def __init__(self, clock: SystemClock) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()
        clock.call_later(0, self._wait)
        assert self._entered.wait(PATIENCE)

    def _wait(self) -> None:
        self._entered.set()
        self._open.wait(PATIENCE)

    def open(self) -> None:
        self._open.set()


def _note(calls: queue.SimpleQueue[str], name: str) -> Callable[[], None]:
    return lambda: calls.put(name)


def _drain(calls: queue.SimpleQueue[str]) -> list[str]:
    return [calls.get() for _ in range(calls.qsize())]


def test_calls_run_in_the_order_of_their_time(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    for delay, name in ((0.3, "third"), (0.1, "first"), (0.2, "second")):
        clock.call_later(delay, _note(calls, name))
    made = [calls.get(timeout=PATIENCE) for _ in range(3)]
    assert made == ["first", "second", "third"]


def test_calls_for_the_same_time_run_in_the_order_they_were_scheduled(
    clock: SystemClock,
) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in "abcdefgh":
        clock.call_later(0, _note(calls, name))
    assert [calls.get(timeout=PATIENCE) for _ in range(8)] == list("abcdefgh")


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.03])
def test_no_call_runs_too_early(clock: SystemClock, delay: float) -> None:
    made: queue.SimpleQueue[float] = queue.SimpleQueue()
    begun = time.monotonic()
    clock.call_later(delay, lambda: made.put(time.monotonic()))
    assert made.get(timeout=PATIENCE) - begun >= delay


def test_a_time_in_the_past_is_now(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    clock.call_later(-5.0, _note(calls, "late"))
    assert calls.get(timeout=PATIENCE) == "late"


def test_a_cancelled_call_does_not_run(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    gate = _Gate(clock)
    alarm = clock.call_later(0, _note(calls, "cancelled"))
    clock.call_later(0, _note(calls, "made"))
    alarm.cancel()
    gate.open()
    assert calls.get(timeout=PATIENCE) == "made"
    assert _drain(calls) == []
    alarm.cancel()


def test_a_call_can_be_cancelled_after_it_ran(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    alarm = clock.call_later(0, _note(calls, "made"))
    assert calls.get(timeout=PATIENCE) == "made"
    alarm.cancel()


def test_a_call_can_schedule_the_next(clock: SystemClock) -> None:
    done = threading.Event()
    left = 5

    def again() -> None:
        nonlocal left
        left -= 1
        if left:
            clock.call_later(0, again)
        else:
            done.set()

    again()
    assert done.wait(PATIENCE)


def test_a_distant_time_does_not_delay_a_near_one(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    for delay in (math.inf, 1e300, 1e9):
        clock.call_later(delay, _note(calls, "far"))
    clock.call_later(0.01, _note(calls, "near"))
    assert calls.get(timeout=PATIENCE) == "near"


def test_calls_from_many_threads_each_run_once(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    expected = {f"{thread}-{number}" for thread in range(4) for number in range(100)}

    def ask(thread: int) -> None:
        for number in range(100):
            clock.call_later(number / 1e5, _note(calls, f"{thread}-{number}"))

    threads = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    made = [calls.get(timeout=PATIENCE) for _ in expected]
    assert set(made) == expected
    assert calls.empty()


def test_a_call_that_fails_is_logged_and_the_others_are_made(
    clock: SystemClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()

    def fail() -> None:
        raise SystemExit("planted")

    clock.call_later(0, fail)
    clock.call_later(0, _note(calls, "made"))
    assert calls.get(timeout=PATIENCE) == "made"
    assert "planted" in caplog.text


def test_nothing_is_called_after_close(clock: SystemClock) -> None:
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    other = SystemClock()
    try:
        gate = _Gate(clock)
        clock.call_later(3600, _note(calls, "far"))
        clock.call_later(0.001, _note(calls, "near"))
        closing = threading.Thread(target=clock.close, daemon=True)
        closing.start()
        gate.open()
        closing.join(PATIENCE)
        assert not closing.is_alive()
        _drain(calls)  # the near call may just have been made
        clock.call_later(0, _note(calls, "too late"))
        other.call_later(0.01, _note(calls, "of another clock"))
        assert calls.get(timeout=PATIENCE) == "of another clock"
    finally:
        other.close()
    assert _drain(calls) == []


def test_close_ends_the_thread_and_can_be_called_again() -> None:
    before = set(threading.enumerate())
    clock = SystemClock()
    (thread,) = set(threading.enumerate()) - before
    assert thread.daemon
    clock.call_later(3600, thread.join)
    clock.close(PATIENCE)
    assert not thread.is_alive()
    clock.close(PATIENCE)


def test_close_does_not_wait_forever(clock: SystemClock) -> None:
    gate = _Gate(clock)
    clock.close(timeout=0.01)
    gate.open()


def test_now_is_one_moment_on_two_clocks(clock: SystemClock) -> None:
    first, second = clock.now(), clock.now()
    assert first.wall.tzinfo is UTC
    assert first.wall.utcoffset() == timedelta(0)
    assert first.monotonic <= second.monotonic <= time.monotonic()
