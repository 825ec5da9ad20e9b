"""The cost of each request with growing numbers of tasks: 100 to 100,000."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from backburner.actors import (
    Promise,
    QueueReply,
    Shown,
    Subscribe,
    Subscribed,
    TaskEvent,
    TaskSystem,
)

from .adding import fill
from .figures import Figure, Report, median
from .systems import PATIENCE, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors import Notification

SIZES: Final = (100, 1_000, 10_000, 100_000)
ROUNDS: Final = {100: 7, 1_000: 5, 10_000: 3, 100_000: 3}
MOST: Final = 3.0
"""Maximum ratio of the costs of a task among 100,000 and among 10,000.

Quadratic behavior has a ratio of ten."""

_STEPS: Final = ("add", "list", "reopen", "cancel all", "shown", "forget")


def measure(folder: Path) -> Report:
    """Measure each request at all sizes; curves show the cost per task."""
    curves: dict[str, list[float]] = {step: [] for step in _STEPS}
    for size in SIZES:
        rounds = [_round(folder / f"{size}-{n}", size) for n in range(ROUNDS[size])]
        for step in _STEPS:
            curves[step].append(median([it[step] for it in rounds]) / size)
    return Report(figures=tuple(_figure(step, curves[step]) for step in _STEPS))


def _round(directory: Path, size: int) -> dict[str, float]:
    """Return the seconds of each step with `size` tasks."""
    with running(directory, slots=1, history=2 * size) as watched:
        watched.tell("sleep", "1h", description="takes the slot")
        watched.wait_for(TaskEvent.RUNNING)
        system = watched.system
        system.unsubscribe(watched.news)
        seconds = {"add": _timed(lambda: fill(system, size))}
        seconds["list"] = _timed(lambda: system.list(answer_timeout=PATIENCE))
        # This is stored, so that no task starts later.
        system.pause(answer_timeout=PATIENCE)
    system = TaskSystem(directory=directory, slots=1, history=2 * size)
    seconds["reopen"] = _timed(system.start)
    try:
        news: Promise[Notification] = Promise()
        system.subscribe(news, shows=True, answer_timeout=PATIENCE)
        first = news.get(PATIENCE)
        if not isinstance(first, Subscribed):
            raise TypeError(f"the first message is {first}")
        seconds["cancel all"] = _timed(
            lambda: system.cancel_all(answer_timeout=PATIENCE)
        )
        seconds["shown"] = _timed(lambda: _show(system, news))
        seconds["forget"] = _timed(
            lambda: system.forget_finished(answer_timeout=PATIENCE)
        )
    finally:
        system.stop()
    return seconds


def _show(system: TaskSystem, news: Promise[Notification]) -> None:
    """Acknowledge all changes as shown, and wait until the queue has handled that."""
    answers: Promise[QueueReply] = Promise()
    system.queue.tell(Shown(1 << 40))
    system.queue.tell(Subscribe(news, shows=False, reply_to=answers))
    answers.get(PATIENCE)


def _timed(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def _figure(step: str, curve: list[float]) -> Figure:
    sizes = " / ".join(f"{size:,}" for size in SIZES)
    growth = curve[-1] / curve[-2]
    costs = " / ".join(f"{seconds * 1e6:.1f}" for seconds in curve)
    return Figure(
        f"{step}: µs per task with {sizes} tasks",
        f"at most {MOST:g} x from {SIZES[-2]:,} to {SIZES[-1]:,}",
        f"{costs} ({growth:.2f} x)",
        growth <= MOST,
    )
