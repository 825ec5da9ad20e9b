"""The settings of a QueueActor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..rules.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..kinds import Engine, Kinds
    from ..rules.variables import Variables
    from ..runtime.clock import Clock
    from ..runtime.dispatcher import Dispatcher
    from ..runtime.sending import DeadLetters


class QueueConfig(Record, frozen=True):
    """The settings of a QueueActor.

    Attributes:
        kinds: The kinds of tasks that are accepted.
        output: The directory of the output files.
        output_limit: Maximum bytes of output of all tasks together. If it is exceeded,
            the oldest finished tasks are forgotten, then the writing task is ended.
        clock: The source of time.
        dead_letters: Counts messages to dead recipients.
        directory: The working directory of tasks that name none.
        environment: Environment variables of tasks that come without any.
        dispatcher: Schedules its turns; without one it has a thread of its own.
        released: Called when the end of a task or of an attempt is written, with the id
            of the task and whether another attempt follows. If set, jobs outlive this
            program, and the journal keeps the environment of a task until it started.
        rebooted: Whether the machine restarted since the session was last open.
        engines: Where tasks may run besides this machine, by name.
        pause_on_failure: Whether a group is paused when one of its tasks fails, if the
            group has no setting of its own.
    """

    kinds: Kinds
    output: Path
    output_limit: int
    clock: Clock
    dead_letters: DeadLetters
    directory: str | None = None
    environment: Variables | None = None
    dispatcher: Dispatcher | None = None
    released: Callable[[int, bool], object] | None = None
    rebooted: bool = False
    engines: Mapping[str, Engine] = msgspec.field(default_factory=dict[str, "Engine"])
    pause_on_failure: bool = False
