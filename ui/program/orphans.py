"""Collecting orphans where nobody else does: as the first process of a container."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from ...actors.processes import orphans

if TYPE_CHECKING:
    from collections.abc import Generator

INTERVAL: Final = 0.5
"""Seconds between two looks for orphans that have ended."""


@contextlib.contextmanager
def collected() -> Generator[None]:
    """Collect orphans on a thread of its own, if this process gets them."""
    if not orphans.gets_orphans():
        yield
        return
    over = threading.Event()

    collector = orphans.OrphanCollector()

    def collect() -> None:
        while not over.wait(INTERVAL):
            # What fails for want of something is tried again.
            with contextlib.suppress(OSError, MemoryError):
                collector.collect()

    thread = threading.Thread(target=collect, name="backburner-orphans", daemon=True)
    with contextlib.suppress(RuntimeError):
        thread.start()
    try:
        yield
    finally:
        over.set()
