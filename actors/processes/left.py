"""What a finished task has left behind: processes that go on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import family
from .handle import Process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..rules.process_record import ProcessId


class LeftBehind:
    """The processes that one finished task has left, as long as some of them go on."""

    def __init__(self, mark: str, found: Iterable[ProcessId]) -> None:
        self._mark = mark
        self.alive: tuple[Process, ...] = tuple(
            Process(it.pid, it.born) for it in found
        )
        """The processes that were alive at the last look."""

    def look(self) -> tuple[Process, ...]:
        """See what is alive now; reads the process table only if one has ended.

        Returns:
            Those that were not known before.

        Raises:
            OSError: If the system lacks what it takes to tell.
        """
        alive = [process for process in self.alive if process.is_alive()]
        if len(alive) == len(self.alive):
            return ()
        # What has ended may have been replaced, as the workers of a server are.
        marked = family.find_own(self._mark)
        new = tuple(process for process in marked if process not in alive)
        self.alive = (*alive, *new)
        return new

    def describe(self) -> str:
        """Name those that are alive, for people."""
        return family.describe(self.alive)
