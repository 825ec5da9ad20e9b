from __future__ import annotations

import math
import threading

import backburner.actors.runtime.promise as promise_module
import pykka
import pytest
from backburner.actors.runtime.promise import Deadline, Promise, answer_of
from patience import PATIENCE
from standstill import TOO_SHORT, call_after_standstill


def test_messages_arrive_in_the_order_they_were_sent() -> None:
    promise: Promise[int] = Promise()
    for number in range(3):
        promise.tell(number)
    assert [promise.get(PATIENCE) for _ in range(3)] == [0, 1, 2]


def test_a_thread_that_waits_is_woken_by_another() -> None:
    question: Promise[int] = Promise()
    answer: Promise[int] = Promise()
    thread = threading.Thread(
        target=lambda: answer.tell(question.get(PATIENCE) + 1), daemon=True
    )
    thread.start()
    question.tell(41)
    assert answer.get(PATIENCE) == 42


@pytest.mark.parametrize("timeout", [0.0, -1.0, 0.001])
def test_a_wait_without_a_message_times_out(timeout: float) -> None:
    promise: Promise[int] = Promise()
    with pytest.raises(TimeoutError, match="no answer within"):
        promise.get(timeout)
    promise.tell(1)
    assert promise.get(timeout) == 1


def test_a_slow_answer_is_reported_once_before_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promise_module, "_LONG", 0.01)
    promise: Promise[int] = Promise()
    reports: list[int] = []

    def answer() -> None:
        reports.append(1)
        promise.tell(41)

    assert promise.get(PATIENCE, answer) == 41
    with pytest.raises(TimeoutError, match=r"no answer within 0\.02 s"):
        promise.get(0.02, lambda: reports.append(2))
    promise.tell(42)
    assert promise.get(PATIENCE, lambda: reports.append(3)) == 42
    assert reports == [1, 2]


def test_a_deadline_is_one_limit_for_several_waits() -> None:
    deadline = Deadline(60.0)
    first = deadline.left()
    assert 0 < deadline.left() <= first <= 60.0


def test_a_past_deadline_leaves_no_time() -> None:
    assert Deadline(0.0).left() == 0.0
    assert Deadline(-5.0).left() == 0.0


@pytest.mark.parametrize("seconds", [math.inf, 1e12, 1e300])
def test_a_wait_may_be_longer_than_the_system_can_wait(seconds: float) -> None:
    promise: Promise[int] = Promise()
    threading.Timer(0.05, promise.tell, (1,)).start()
    assert promise.get(seconds) == 1
    promise.tell(2)
    assert promise.get(Deadline(seconds).left()) == 2


def test_a_timeout_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a number, not nan"):
        Deadline(math.nan)
    with pytest.raises(ValueError, match="must be a number, not nan"):
        Promise[int]().get(math.nan)


def test_a_stall_of_the_program_does_not_count_as_silence() -> None:
    promise: Promise[int] = Promise()
    call_after_standstill(lambda: promise.tell(1))
    assert promise.get(TOO_SHORT) == 1


def test_a_stall_does_not_count_when_a_pykka_actor_is_asked() -> None:
    future: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    call_after_standstill(lambda: future.set(1))
    assert answer_of(future, TOO_SHORT) == 1


def test_an_actor_that_does_not_answer_in_time_raises() -> None:
    future: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    with pytest.raises(TimeoutError, match="no answer within"):
        answer_of(future, 0.01)
    future.set(1)
    assert answer_of(future, 0.01) == 1
