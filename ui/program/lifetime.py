"""Starts and stops the task system while signals are handled."""

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
"""Seconds before a premature hurry is retried."""

LONG: Final = 1.0
"""Seconds of a start before the user is told its reason."""


def lives_in_host(system: AnySystem) -> TypeGuard[RemoteSystem]:
    """Return whether a session runs in its host; imports no other kind of system."""
    return hasattr(system, "listen")


def start(
    system: AnySystem, wakeup: Wakeup, on_long: Callable[[], None] | None = None
) -> int | None:
    """Start a task system; blocks. `on_long` is called once, after `LONG` seconds.

    Processes left by a killed program get the grace period first, unless a signal cuts
    that short.

    Returns:
        The number of the first signal that asked this program to end; the caller must
        stop the system then.

    Raises:
        TaskSystemError: If it can't be started.
    """
    work = Background(system.start, wakeup)
    heard = _while_heard(work, system, wakeup, on_long)
    # A hurried start may fail for that reason.
    if heard is None or not isinstance(work.error, TaskSystemError):
        _raise(work)
    return heard


def stop(system: AnySystem, wakeup: Wakeup, *, end: bool = False) -> int | None:
    """Stop a task system; blocks until it has stopped.

    Args:
        system: The system; nothing is done if it is not started.
        wakeup: Handles signals; a signal that ends this program ends the grace period
            of tasks.
        end: Whether to end the session as well if it runs in its host.

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
            # A hurry before the stop has begun has no effect, so repeat it.
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
