"""A second look, a moment later, by a thread that does nothing else."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

from .sending import log_failure, logger

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE: Final = 0.02
"""Seconds from an alert to the look, and between two looks."""


class Lookout:
    """Looks once a moment after an alert, and again as long as that is asked for.

    Without an alert the thread costs nothing. If the system has no thread just now, the
    first alert for which it has one starts it.

    Args:
        name: What the thread is called.
        look: Called on the thread; must not block. Returns whether to look again.
    """

    def __init__(self, name: str, look: Callable[[], bool]) -> None:
        self._name = name
        self._look = look
        self._alerts: queue.SimpleQueue[Callable[[], bool] | None] = queue.SimpleQueue()
        self._alerted = False
        self._thread: threading.Thread | None = None
        self._closed = False
        # Of the thread, and the end; a signal handler may come here twice.
        self._lock = threading.RLock()
        self._start()

    def alert(self) -> None:
        """Ask for a look. Never blocks; costs hardly anything if one is coming.

        Does nothing after the end.
        """
        if self._alerted:
            return
        self._alerted = True
        self._alerts.put(self._look)
        if self._thread is None:
            self._start()

    def close(self, timeout: float) -> None:
        """End the thread; blocks up to `timeout` seconds for it."""
        with self._lock:
            self._closed = True
        self._alerts.put(None)
        if self._thread is not None:
            self._thread.join(timeout)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closed:
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._alerted = False  # the next alert tries again
                logger.debug("No thread can be started to look after the others")
            else:
                self._thread = thread

    def _run(self) -> None:
        while self._alerts.get() is not None:
            again = True
            while again:
                try:
                    if self._alerts.get(timeout=PAUSE) is None:
                        return
                except queue.Empty:
                    pass
                # First: what comes during the look needs another one.
                self._alerted = False
                again = self._looks_again()
                self._alerted |= again

    def _looks_again(self) -> bool:
        try:
            return self._look()
        except BaseException as error:  # noqa: BLE001 - the thread must outlive it
            log_failure(self._look, error)
            return False
