"""The cycle collector, which does not run while the program is loaded."""

from __future__ import annotations

import gc


def collect() -> None:
    """Search for garbage from now on, but never in what is there already."""
    gc.freeze()
    gc.enable()
