"""Task systems to measure, with helpers that wait for their tasks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from backburner.actors import (
    AddTask,
    Notification,
    Promise,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskSystem,
    Terms,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PATIENCE = 120.0
"""Timeout of a measurement in seconds."""


class Watched:
    """A running system, and its notifications."""

    def __init__(self, system: TaskSystem) -> None:
        self.system = system
        self.news: Promise[Notification] = Promise()
        system.subscribe(self.news)
        while not isinstance(self.news.get(PATIENCE), Subscribed):
            pass

    def tell(
        self,
        kind: str,
        *args: str,
        description: str = "job",
        terms: Terms | None = None,
    ) -> None:
        """Add a task without waiting for an answer."""
        request = TaskRequest(description, kind, args, terms=terms)
        self.system.queue.tell(AddTask(request))

    def wait_for(self, event: TaskEvent, count: int = 1) -> TaskChanged:
        """Read notifications until `count` of them have this event; return the last."""
        while True:
            message = self.news.get(PATIENCE)
            if isinstance(message, TaskChanged) and message.event is event:
                count -= 1
                if count == 0:
                    return message


@contextlib.contextmanager
def running(
    directory: Path, slots: int = 8, history: int = 1000, output_limit: int = 1 << 30
) -> Generator[Watched]:
    """Run a system with a journal in a folder, and stop it at the end."""
    with TaskSystem(
        directory=directory,
        slots=slots,
        grace=0.5,
        history=history,
        output_limit=output_limit,
        session_output_limit=100 * output_limit,
    ) as system:
        yield Watched(system)
