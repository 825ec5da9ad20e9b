"""Waiting for conditions that no message announces."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object], name: str = "it") -> None:
    """Block until a condition holds; fail after a long time."""
    deadline = time.monotonic() + PATIENCE
    begun = time.thread_time()
    while not condition():
        assert time.monotonic() < deadline, f"{name} never came true"
        # Searching all processes takes long, and the awaited process needs the
        # processor.
        threading.Event().wait(max(0.005, 4 * (time.thread_time() - begun)))
        begun = time.thread_time()
