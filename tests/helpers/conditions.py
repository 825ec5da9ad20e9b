"""Waiting for what no message tells."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Block until a condition holds; fail if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came true"
        threading.Event().wait(0.005)
