"""A program that stands still for a while, except for its clock."""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_SHORT: Final = 1.0
"""A timeout in seconds that passes during the standstill."""

# Long enough for other threads to begin their wait, and then to notice its timeout.
_BEFORE: Final = 0.1
_AFTER: Final = 0.02


def call_after_standstill(call: Callable[[], object]) -> None:
    """Make all threads stand still soon, and make a call soon after that.

    This imitates a stopped program or a paused machine. Does not block.
    """

    def stand_still_and_call() -> None:
        time.sleep(_BEFORE)
        # Holds the interpreter's lock, unlike Python's own sleep.
        ctypes.PyDLL(None).usleep(int((TOO_SHORT + _BEFORE) * 1e6))
        time.sleep(_AFTER)
        call()

    threading.Thread(target=stand_still_and_call, daemon=True).start()
