from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, cast

import pytest
from backburner.actors import TaskSystemError
from backburner.ui.program import lifetime
from backburner.ui.program.wakeup import Wakeup
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors import TaskSystem

NUMBERS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
STEPS = [lifetime.start, lifetime.stop]


class _System:
    """Starts and stops once hurried for each signal, or fails."""

    def __init__(self, signals: tuple[int, ...] = (), failure: str = "") -> None:
        self._signals = signals
        self._failure = failure
        self.hurried = threading.Semaphore(0)

    def start(self) -> None:
        for number in self._signals:
            os.kill(os.getpid(), number)
            assert self.hurried.acquire(timeout=PATIENCE)
        if self._failure:
            raise TaskSystemError(self._failure)

    stop = start

    def hurry(self) -> bool:
        self.hurried.release()
        return True


def _run(step: Callable[[TaskSystem, Wakeup], int | None], system: _System) -> object:
    with Wakeup((signal.SIGUSR1,)) as wakeup:
        return step(cast("TaskSystem", system), wakeup)


@pytest.mark.parametrize("step", STEPS)
def test_without_a_signal_the_step_completes(
    step: Callable[[TaskSystem, Wakeup], int | None],
) -> None:
    assert _run(step, _System()) is None


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_hurries_the_step_and_is_returned(
    step: Callable[[TaskSystem, Wakeup], int | None], number: signal.Signals
) -> None:
    assert _run(step, _System((number,))) == number


def test_the_first_of_several_signals_is_returned() -> None:
    system = _System((signal.SIGHUP, signal.SIGTERM, signal.SIGINT))
    assert _run(lifetime.start, system) == signal.SIGHUP


def test_a_hurry_that_comes_too_early_is_retried() -> None:
    class Late(_System):
        def __init__(self) -> None:
            super().__init__((signal.SIGTERM,))
            self.asked = 0

        def hurry(self) -> bool:
            self.asked += 1
            return self.asked > 2 and super().hurry()

    system = Late()
    assert _run(lifetime.stop, system) == signal.SIGTERM
    assert system.asked == 3


def test_a_signal_that_does_not_request_the_end_hurries_nothing() -> None:
    class Poked(_System):
        def start(self) -> None:
            os.kill(os.getpid(), signal.SIGUSR1)

    system = Poked()
    assert _run(lifetime.start, system) is None
    assert not system.hurried.acquire(blocking=False)


def test_a_slow_start_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "LONG", 0.0)

    class Slow(_System):
        def __init__(self) -> None:
            super().__init__()
            self.noticed = threading.Semaphore(0)

        def start(self) -> None:
            assert self.noticed.acquire(timeout=PATIENCE)
            os.kill(os.getpid(), signal.SIGTERM)
            assert self.hurried.acquire(timeout=PATIENCE)
            assert not self.noticed.acquire(blocking=False)

    system = Slow()
    with Wakeup() as wakeup:
        heard = lifetime.start(
            cast("TaskSystem", system), wakeup, system.noticed.release
        )
    assert heard == signal.SIGTERM


def test_an_error_is_raised_on_the_main_thread() -> None:
    with pytest.raises(TaskSystemError, match="planted"):
        _run(lifetime.start, _System(failure="planted"))
