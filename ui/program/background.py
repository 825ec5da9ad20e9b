"""Runs blocking work on a thread, while the main thread handles signals."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wakeup import Wakeup


class Background:
    """Runs a blocking function on a thread, and wakes the main thread at its end.

    If no thread can be started, it runs at once, and signals wait.
    """

    def __init__(self, work: Callable[[], object], wakeup: Wakeup) -> None:
        self._work = work
        self._wakeup = wakeup
        self.done = False
        """Whether it has ended; the thread itself ends a moment later."""
        self.error: BaseException | None = None
        """The exception that the work raised, if any."""
        thread = threading.Thread(target=self._run, name="backburner-work", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._run()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - for the one that waits
            self.error = error
        finally:
            self.done = True
            self._wakeup.nudge()
