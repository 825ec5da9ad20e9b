"""The settings of a TaskActor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..kinds.engine import Engine
from ..processes.channels import Channels
from ..processes.environment import Environment
from ..processes.exit_notes import ExitNotes
from ..rules.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..processes.exits import ExitWatcher
    from ..processes.notes import ProcessNotes
    from ..runtime.clock import Clock
    from ..runtime.dispatcher import Dispatcher
    from ..runtime.sending import DeadLetters


class TaskActorConfig(Record, frozen=True):
    """The settings that all task actors of a system share.

    Attributes:
        clock: The source of time.
        exits: Calls back when a process has exited.
        dead_letters: Counts messages to dead recipients.
        session_key: Unique to the session; part of the mark of its processes.
        grace: Seconds between SIGTERM and SIGKILL.
        output_limit: Bytes of output; exceeding it fails the task.
        environment: The environment of tasks that were added without one.
        dispatcher: Schedules the actors' turns; without one each actor has a thread.
        notes: Records the process of each job; None to record nothing.
        exit_notes: The exit statuses that wrappers and the keeper have recorded.
        engines: Where jobs run besides this machine, by name.
        channels: Opens the terminals and input pipes of jobs.
    """

    clock: Clock
    exits: ExitWatcher
    dead_letters: DeadLetters
    session_key: str
    grace: float
    output_limit: int
    environment: Environment = msgspec.field(default_factory=Environment.to_inherit)
    dispatcher: Dispatcher | None = None
    notes: ProcessNotes | None = None
    exit_notes: ExitNotes = msgspec.field(default_factory=ExitNotes)
    engines: Mapping[str, Engine] = msgspec.field(default_factory=dict[str, Engine])
    channels: Channels = msgspec.field(default_factory=Channels)
