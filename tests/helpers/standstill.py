"""A program in which nothing goes on for a while, except the clock."""

from __future__ import annotations

import ctypes
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_SHORT: Final = 1.0
"""Seconds of a wait that is over before anything goes on again."""

_BEFORE: Final = 0.1  # for who waits to begin with it
_AFTER: Final = 0.02  # for who waits to notice first that its time is up


def call_after_standstill(call: Callable[[], object]) -> None:
    """Let all threads stand still in a moment, and make a call a moment after that.

    As when the program is stopped, or the machine paused. Does not block.
    """

    def stand_still_and_call() -> None:
        time.sleep(_BEFORE)
        # Keeps the interpreter's lock, unlike Python's own.
        ctypes.PyDLL(None).usleep(int((TOO_SHORT + _BEFORE) * 1e6))
        time.sleep(_AFTER)
        call()

    threading.Thread(target=stand_still_and_call, daemon=True).start()
