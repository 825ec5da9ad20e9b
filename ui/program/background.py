"""Work that blocks, on a thread, while the main thread hears signals."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wakeup import Wakeup


class Background:
    """Does something that blocks on a thread, and wakes the main thread at its end.

    If no thread can be started it does it at once, and signals wait.
    """

    def __init__(self, work: Callable[[], object], wakeup: Wakeup) -> None:
        self._work = work
        self._wakeup = wakeup
        self.done = False
        """Whether it is over; a thread lives on for a moment after its last words."""
        self.error: BaseException | None = None
        """What the work raised, if it did."""
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
