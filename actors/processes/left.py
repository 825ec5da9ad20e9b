"""Background processes that keep running after their task has finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import family
from .handle import Process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..rules.process_record import ProcessId


class LeftBehind:
    """The processes left by one finished task, while any of them runs."""

    def __init__(self, mark: str, found: Iterable[ProcessId]) -> None:
        self._mark = mark
        self.alive: tuple[Process, ...] = tuple(
            Process(it.pid, it.born) for it in found
        )
        """The processes that were alive at the last look."""

    def look(self) -> tuple[Process, ...]:
        """Update the list; reads the process table only if a process has ended.

        Returns:
            The processes that were not known before.

        Raises:
            OSError: If the system lacks a resource for the check.
        """
        alive = [process for process in self.alive if process.is_alive()]
        if len(alive) == len(self.alive):
            return ()
        # An ended process may have been replaced, as workers of a server are.
        marked = family.find_own(self._mark)
        new = tuple(process for process in marked if process not in alive)
        self.alive = (*alive, *new)
        return new

    def describe(self) -> str:
        """Name the running processes, for people."""
        return family.describe(self.alive)
