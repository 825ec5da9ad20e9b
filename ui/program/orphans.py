"""Reaps orphans when this is the first process of a container."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from ...actors.processes import orphans

if TYPE_CHECKING:
    from collections.abc import Generator

INTERVAL: Final = 0.5
"""Seconds between two checks for ended orphans."""


@contextlib.contextmanager
def reaping_orphans() -> Generator[None]:
    """Reap orphans on a thread, if this process inherits them."""
    if not orphans.gets_orphans():
        yield
        return
    over = threading.Event()

    collector = orphans.OrphanCollector()

    def collect() -> None:
        while not over.wait(INTERVAL):
            # Failures for lack of a resource are retried.
            with contextlib.suppress(OSError, MemoryError):
                collector.collect()

    thread = threading.Thread(target=collect, name="backburner-orphans", daemon=True)
    with contextlib.suppress(RuntimeError):
        thread.start()
    try:
        yield
    finally:
        over.set()
