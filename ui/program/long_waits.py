"""Saying on standard error what takes longer than usual, and why."""

from __future__ import annotations

import contextlib
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Final

LONG: Final = 3.0
"""Seconds after which a person wants to know what a command waits for."""


@contextlib.contextmanager
def telling(session: str, doing: Callable[[], str]) -> Generator[None]:
    """Say what is waited for if the `with` block takes long, once.

    Args:
        session: The name of the session.
        doing: Returns what is waited for; called on a thread of its own.
    """
    timer = threading.Timer(LONG, lambda: say(session, doing()))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def say(session: str, doing: str) -> None:
    """Say what is waited for, in one line."""
    sys.stderr.write(f"backburner: session {session!r}: waiting: {doing}\n")
    sys.stderr.flush()
