"""A frontend for Mopidy, a music server made of Pykka actors: a background scan.

A frontend is any Pykka actor that takes the configuration and the core; the extension
in `mopidy_extension.py` makes Mopidy start and stop this one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import pykka
from backburner.actors import (
    AddTask,
    Notification,
    QueueReply,
    Refused,
    TaskChanged,
    TaskRequest,
    TaskStatus,
    TaskSystem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

logger = logging.getLogger(__name__)


class Library(Protocol):
    """The part of Mopidy's library that the frontend uses."""

    def refresh(self) -> object:
        """Refresh the library; doesn't block, because it is called on a proxy."""
        ...


class Core(Protocol):
    """The part of Mopidy's core that the frontend uses."""

    @property
    def library(self) -> Library:
        """The library."""
        ...


class ScanFrontend(pykka.ThreadingActor):
    """Runs a command in the background, reports its end, and refreshes the library.

    Args:
        config: Mopidy's configuration; `scan/command` is the command.
        core: Mopidy's core, behind a proxy.
    """

    def __init__(self, config: Mapping[str, Mapping[str, str]], core: Core) -> None:
        super().__init__()
        self._command = config["scan"]["command"]
        self._core = core
        self._tasks = TaskSystem(name="scan", slots=1)

    def on_start(self) -> None:
        """Start the task system, and add the scan."""
        self._tasks.start()
        self._tasks.subscribe(self.actor_ref)
        scan = TaskRequest("Scan", "bash", (self._command,))
        self._tasks.queue.tell(AddTask(scan, reply_to=self.actor_ref))

    def on_receive(self, message: Notification | QueueReply) -> None:
        """Report how the scan ended. Mopidy delivers its own events differently."""
        match message:
            case TaskChanged(task=task) if task.status.is_final:
                logger.info("%s %s: %s", task.description, task.status, task.last_line)
                if task.status is TaskStatus.COMPLETE:
                    self._core.library.refresh()
            case Refused(text=text):
                logger.error("The scan can't be started: %s", text)
            case _:
                pass

    def on_stop(self) -> None:
        """End the scan if it is still running; Mopidy waits for this."""
        self._tasks.stop()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Do the same after an exception in a handler, when Pykka skips `on_stop`."""
        del exception_type, exception_value, traceback
        self._tasks.stop()
