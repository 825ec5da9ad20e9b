"""Starting and stopping the task system while signals are heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeGuard

from ...actors import TaskSystemError
from ...actors.runtime.promise import Deadline
from .background import Background
from .wakeup import ENDING_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ...actors import TaskSystem
    from ...actors.host.remote import RemoteSystem
    from .wakeup import Wakeup

    AnySystem: TypeAlias = TaskSystem | RemoteSystem

HURRY_AGAIN: Final = 0.01
"""Seconds after which a hurry that came too early is tried again."""

LONG: Final = 1.0
"""Seconds of a start after which a person wants to know what it waits for."""


def lives_in_host(system: AnySystem) -> TypeGuard[RemoteSystem]:
    """Tell whether a session lives in its host, without loading what it is else."""
    return hasattr(system, "listen")


def start(
    system: AnySystem, wakeup: Wakeup, on_long: Callable[[], None] | None = None
) -> int | None:
    """Start a task system; blocks. `on_long` is called once, after `LONG` seconds.

    What a killed program has left running is given the grace period first, unless a
    signal cuts that short.

    Returns:
        The number of the first signal that asked this program to end meanwhile; it is
        for the caller to stop the system.

    Raises:
        TaskSystemError: If it can't be started.
    """
    work = Background(system.start, wakeup)
    heard = _while_heard(work, system, wakeup, on_long)
    # A start that was hurried may fail for that alone.
    if heard is None or not isinstance(work.error, TaskSystemError):
        _raise(work)
    return heard


def stop(system: AnySystem, wakeup: Wakeup, *, end: bool = False) -> int | None:
    """Stop a task system; blocks until it has stopped.

    Args:
        system: The system; one that is not started is left alone.
        wakeup: Hears the signals; one that asks this program to end ends the tasks'
            grace period.
        end: Whether to end the session too if it lives in its host.

    Returns:
        The number of the first such signal.
    """
    work = Background(system.end if end else system.stop, wakeup)
    heard = _while_heard(work, system, wakeup)
    _raise(work)
    return heard


def _while_heard(
    work: Background,
    system: AnySystem,
    wakeup: Wakeup,
    on_long: Callable[[], None] | None = None,
) -> int | None:
    heard: int | None = None
    hurry = False
    long = Deadline(LONG)
    while not work.done:
        if on_long is not None and long.left() <= 0:
            on_long()
            on_long = None
        timeout = None if on_long is None else long.left()
        if hurry:
            # One that is heard before the thread has begun hurries nobody yet.
            timeout = HURRY_AGAIN
        _, signals = wakeup.wait(timeout=timeout)
        for number in signals:
            if number in ENDING_SIGNALS:
                heard = heard or number
                hurry = True
        hurry = hurry and not system.hurry()
    return heard


def _raise(work: Background) -> None:
    if work.error is not None:
        raise work.error
