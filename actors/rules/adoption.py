"""A task that goes on although the program that ran it was killed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .outcome import STOPPING, Outcome
from .process_record import ProcessId, StartedProcess
from .task import Task
from .variables import Variables


class Adoption(msgspec.Struct, frozen=True):
    """A task that was running when its program was killed, and goes on.

    Attributes:
        task: The task, Running.
        process: Its first process, running or ended; None if it has none.
        status: How that ended, as `waitpid` has it, if that is written down.
        begins: Whether it was never started, and is started now.
        in_doubt: Whether the process may be one that the job has started, and the job's
            own has ended.
    """

    task: Task
    process: StartedProcess | None = None
    status: int | None = None
    begins: bool = False
    in_doubt: bool = False

    @property
    def stops_with(self) -> Outcome | None:
        """The outcome with which it is being stopped, if it was told to stop."""
        reason = self.task.reason
        if not reason.startswith(STOPPING):
            return None
        return Outcome.canceled(reason.removeprefix(STOPPING))


class GoingOn(msgspec.Struct, frozen=True):
    """What goes on in a session that is opened.

    Attributes:
        adopted: The tasks that were running.
        environments: Those of the tasks among them that were never started.
        left: What finished tasks have left running, by their ids.
    """

    adopted: tuple[Adoption, ...] = ()
    environments: Mapping[int, Variables] = {}
    left: Mapping[int, tuple[ProcessId, ...]] = {}
