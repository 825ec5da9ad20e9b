"""A loop that accepts calls from other threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING

from ..agents.loop import READ, Loop

if TYPE_CHECKING:
    from collections.abc import Callable


class PostLoop(Loop):
    """A `Loop` with a mailbox: posted calls run on its thread, in order."""

    def __init__(self) -> None:
        super().__init__()
        self._posted: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Guards the eventfd: once closed, its number may be that of another file.
        self._lock = threading.Lock()
        self.watch(self._bell, READ, self._take)

    def post(self, call: Callable[[], None]) -> bool:
        """Schedule a call; return whether the loop still runs.

        Thread-safe; never blocks.
        """
        with self._lock:
            if self._bell < 0:
                return False
            self._posted.append(call)
            os.eventfd_write(self._bell, 1)
            return True

    def close(self) -> None:
        """Reject further calls; call this when the loop has ended."""
        with self._lock:
            bell, self._bell = self._bell, -1
        self.unwatch(bell)
        os.close(bell)

    def _take(self) -> None:
        os.eventfd_read(self._bell)
        for _ in range(len(self._posted)):
            self._posted.popleft()()
