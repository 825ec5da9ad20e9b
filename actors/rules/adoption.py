"""Tasks that continue after their program was killed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .outcome import STOPPING, Outcome
from .process_record import ProcessId, StartedProcess
from .task import Task
from .variables import Variables


class Adoption(msgspec.Struct, frozen=True):
    """A task that was running when its program was killed, and continues.

    Attributes:
        task: The task, Running.
        process: Its first process, running or ended; None if it has none.
        status: The recorded exit status of the process, in the format of `waitpid`.
        begins: Whether it was never started, and is started now.
        in_doubt: Whether the process may be a descendant, if the job's first process
            has ended.
    """

    task: Task
    process: StartedProcess | None = None
    status: int | None = None
    begins: bool = False
    in_doubt: bool = False

    @property
    def stops_with(self) -> Outcome | None:
        """The outcome with which it is being stopped; None if it isn't."""
        reason = self.task.reason
        if not reason.startswith(STOPPING):
            return None
        return Outcome.canceled(reason.removeprefix(STOPPING))


class GoingOn(msgspec.Struct, frozen=True):
    """The jobs and processes that continue when a session is opened.

    Attributes:
        adopted: The tasks that were running.
        environments: The environments of those tasks that were never started, by id.
        left: The background processes of finished tasks, by id.
    """

    adopted: tuple[Adoption, ...] = ()
    environments: Mapping[int, Variables] = {}
    left: Mapping[int, tuple[ProcessId, ...]] = {}
