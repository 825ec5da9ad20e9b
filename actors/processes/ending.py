"""Kills processes in rounds until none is left.

One round is not enough: a killed process may have forked a moment before. Rounds don't
wait; the caller does, an actor by an alarm, other code by sleeping.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Final

from ..runtime.promise import Deadline
from . import family

if TYPE_CHECKING:
    from collections.abc import Callable

    from .handle import Process

INTERVAL: Final = 0.01
"""Seconds between two rounds."""

ROUNDS: Final = 50
"""Maximum number of rounds; processes alive afterwards are reported as leftovers."""

SECONDS: Final = 2.0
"""Minimum seconds of rounds before leftovers are reported.

A killed process ends only when it gets CPU time, for which it may have to wait on a
busy machine, and longer if its virtual processor is paused.
"""

REPLACED: Final = "a process that keeps replacing itself with a new one"
"""Reported if all processes that the last round found have ended since."""


class KillRounds:
    """Rounds of SIGKILL for all processes that a search finds. Never blocks for long.

    Args:
        search: Finds the processes, as `family` does. If it raises an error, as it does
            when the system lacks a resource, the next round searches again.
    """

    def __init__(self, search: Callable[[], list[Process]]) -> None:
        self._search = search
        self._rounds = 0
        self._deadline = Deadline(SECONDS)
        self._left: list[Process] = []
        self._failure: OSError | MemoryError | None = None

    def next_round(self) -> bool:
        """Search and kill once; return whether another round is needed."""
        self._rounds += 1
        try:
            self._left = self._search()
            self._failure = None
            if not self.is_exhausted:
                family.signal_all(self._left, signal.SIGKILL)
        except (OSError, MemoryError) as error:
            self._failure = error
        return not (self.is_done or self.is_exhausted)

    @property
    def is_done(self) -> bool:
        """Whether the last round found nothing."""
        return not self._left and self._failure is None

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last search failed."""
        return self._failure is not None

    @property
    def is_exhausted(self) -> bool:
        """Whether the maximum number of rounds is reached."""
        return self._rounds > ROUNDS and self._deadline.left() == 0

    def left(self) -> str:
        """Return the processes that the last round found, for people; may be empty."""
        try:
            if self._failure is None:
                return family.describe(self._left) or (REPLACED if self._left else "")
        except (OSError, MemoryError) as error:
            self._failure = error
        return f"unknown ({getattr(self._failure, 'strerror', 'no memory left')})"


def end_all(
    search: Callable[[], list[Process]],
    grace: float,
    hurried: Callable[[], bool] = lambda: False,
) -> str:
    """End all processes that a search finds: SIGTERM, then SIGKILL in rounds.

    Blocks until they are gone, at most for the grace period plus about two seconds;
    must not be called by a handler of an actor.

    Args:
        search: Finds the processes, as `family` does.
        grace: Seconds between SIGTERM and SIGKILL; 0 for SIGKILL at once.
        hurried: Returns whether to cut the grace period short.

    Returns:
        The processes still alive, for people; empty if there are none.
    """
    if grace > 0 and not _ask_to_end(search, grace, hurried):
        return ""
    ending = KillRounds(search)
    while ending.next_round():
        time.sleep(INTERVAL)
    return ending.left()


def _ask_to_end(
    search: Callable[[], list[Process]], grace: float, hurried: Callable[[], bool]
) -> bool:
    """Send SIGTERM and wait; return whether there were processes, or may have been."""
    try:
        left = search()
        if not left:
            return False
        family.ask_to_end(left)
        deadline = Deadline(grace)
        while left and deadline.left() > 0 and not hurried():
            time.sleep(INTERVAL)
            left = [process for process in left if process.is_alive()]
    except (OSError, MemoryError):
        pass  # they get SIGKILL without SIGTERM
    return True
