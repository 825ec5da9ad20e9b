"""The garbage collector, which is disabled while the program is loading."""

from __future__ import annotations

import gc


def collect() -> None:
    """Enable garbage collection, excluding all existing objects."""
    gc.freeze()
    gc.enable()
