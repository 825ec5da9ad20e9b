"""An exit watcher that a test controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ManualExits:
    """An `ExitWatcher` that watches no processes; the test calls `exit`."""

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], object]] = {}

    @property
    def watched(self) -> tuple[int, ...]:
        """The ids of the watched processes that have not exited."""
        return tuple(self._calls)

    def watch(self, pid: int, on_exit: Callable[[], object]) -> None:
        """Call `on_exit` when the test calls `exit` with this process."""
        self._calls[pid] = on_exit

    def exit(self, pid: int) -> None:
        """Act as if this process had exited.

        Raises:
            KeyError: If it is not watched.
        """
        if pid not in self._calls:
            watched = ", ".join(map(str, self._calls)) or "none"
            raise KeyError(
                f"process {pid} is not watched; watched processes: {watched}"
            )
        self._calls.pop(pid)()

    def close(self) -> None:
        """Stop watching all processes."""
        self._calls.clear()
