"""Reports on stderr of waits that take longer than usual, with the reason."""

from __future__ import annotations

import contextlib
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Final

LONG: Final = 3.0
"""Seconds until a wait is reported."""


@contextlib.contextmanager
def telling(session: str, doing: Callable[[], str]) -> Generator[None]:
    """Report the reason for the wait once, if the `with` block takes long.

    `doing` returns the reason; it is called on a separate thread.
    """
    timer = threading.Timer(LONG, lambda: say(session, doing()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say(session: str, doing: str) -> None:
    """Report the reason for a wait, in one line."""
    sys.stderr.write(f"backburner: session {session!r}: waiting: {doing}\n")
    sys.stderr.flush()
