"""What a kind of job has to offer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

import msgspec

from ..processes.channels import Channels
from ..processes.environment import Environment
from ..processes.notes import JobNotes
from ..rules.outcome import Outcome
from ..rules.process_record import ProcessId
from ..rules.record import Record
from ..rules.safe_text import brief, safe_line
from ..runtime.sending import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..processes.adopted import AdoptedProcess
    from ..processes.exits import ExitWatcher
    from ..rules.task import Task
    from ..runtime.clock import Clock
    from .engine import Engine


_LONGEST_ERROR: Final = 200
"""Characters of what a kind has raised that are quoted."""


class InvalidRequestError(ValueError):
    """A request that makes no sense; its text says why and what to do, in one line."""


class StartError(Exception):
    """A job that could not be started; its text becomes the reason of the failure."""


class WrongKindError(StartError):
    """A kind does not keep to its protocol; the text names it, and what it did.

    Args:
        kind: Its name.
        method: The method that returned, or raised, what it may not.
        returned: What that was.
        wanted: What it must do instead.
        verb: What the method did with that.
    """

    def __init__(
        self, kind: str, method: str, returned: str, wanted: str, verb: str = "returned"
    ) -> None:
        text = f"the kind {kind!r} is at fault: {method}() {verb} {returned}"
        super().__init__(safe_line(f"{text}; {wanted}"))


class ShortageError(StartError):
    """A job that could not be started just now, for want of something.

    Its text says of what: "free memory", "a free file descriptor". The task waits for
    that, with the text in its reason, and its start is tried again until it succeeds or
    the task is canceled. Nothing of the job may be left behind by the attempt.
    """


class JobContext(Record, frozen=True):
    """What a job is given to work with.

    Attributes:
        task: The task, as it began to run.
        mark: The value of `BACKBURNER_TASK` for its processes; see `marks`.
        clock: The time, and calls at a later one.
        exits: Calls when a child process has exited.
        look: Call this, from any thread, whenever `Job.look` may have news. Never
            blocks. Returns false if nobody will look any more.
        environment: What its processes inherit: the environment that the request came
            with, or else that of this process when the task system was started, with
            `PYTHONUNBUFFERED`.
        notes: Writes down which process the job is, and how that ended, for a program
            that takes the job over.
        engine: Where its process runs; None for this machine.
        channels: Opens the terminal, or the pipe, of a job that asks for one.
    """

    task: Task
    mark: str
    clock: Clock
    exits: ExitWatcher
    look: Callable[[], bool | None]
    environment: Environment = msgspec.field(default_factory=Environment.to_inherit)
    notes: JobNotes = msgspec.field(default_factory=JobNotes)
    engine: Engine | None = None
    channels: Channels = msgspec.field(default_factory=Channels)

    @property
    def output(self) -> Path | None:
        """Where its output belongs; None for a kind without output."""
        path = self.task.output_path
        return None if path is None else Path(path)


class JobEnd(msgspec.Struct, frozen=True):
    """The end of a job.

    Attributes:
        outcome: How it ended by itself: Complete or Failed. A job that was told to
            stop before its end becomes Canceled, even if it says something else here.
        leftover: What could not be ended, for people; None if nothing is left.
        left: Processes that go on without it, if any are known.
    """

    outcome: Outcome
    leftover: str | None = None
    left: tuple[ProcessId, ...] = ()


class Job(Protocol):
    """One job under way, in the hands of its TaskActor. No method may block."""

    def look(self) -> JobEnd | None:
        """See what has become of it.

        Called after every `context.look()`, on ticks, and before and after it is told
        to stop.

        Returns:
            Its end, or None while it goes on.
        """
        ...

    def progress(self) -> int | None:
        """Return its progress in percent if the job itself knows it.

        What its output says is read by others.
        """
        ...

    def stop(self) -> None:
        """Ask it to end; it has the grace period for that."""
        ...

    def kill(self) -> None:
        """End it now, by force.

        `look` must tell the end within two seconds. If it does not, the task ends
        without it, with an error that names the kind.
        """
        ...

    def pid(self) -> int | None:
        """Return the id of its process, if it has one."""
        ...


class KindWords(Protocol):
    """What people read of a kind of job."""

    @property
    def name(self) -> str:
        """What it is called in a request: a short word."""
        ...

    @property
    def usage(self) -> str:
        """Its arguments, for help: `COMMAND`."""
        ...

    @property
    def summary(self) -> str:
        """What it does, for help, in a few words."""
        ...


class Kind(KindWords, Protocol):
    """A kind of job. An object with these members is all it takes to add one."""

    @property
    def writes_output(self) -> bool:
        """Whether its jobs write an output file."""
        ...

    def check(self, args: tuple[str, ...]) -> None:
        """Accept the arguments of a request before it becomes a task.

        Called by the QueueActor for every request, and so must not block.

        Raises:
            InvalidRequestError: If they make no sense. For any other exception the
                request is refused too, with a text that names the kind.
        """
        ...

    def start(self, context: JobContext) -> Job:
        """Start a job; must not block for longer than starting a process takes.

        Raises:
            ShortageError: If it can't be started just now; it is tried again.
            StartError: If it can't be started; the task fails with its text. Any other
                exception fails the task too, with a reason that names the kind, and is
                logged.
        """
        ...


def check(kind: Kind, args: tuple[str, ...]) -> None:
    """Let a kind check the arguments of a request.

    Raises:
        InvalidRequestError: If they make no sense, or the kind fails on them.
    """
    try:
        kind.check(args)
    except InvalidRequestError:
        raise
    except BaseException as error:
        raise InvalidRequestError(str(raised(kind, "check", error))) from error


def raised(kind: Kind, method: str, error: BaseException) -> WrongKindError:
    """Log what a method of a kind has raised, and return what to say of it."""
    logger.error("%s() of the kind %r failed", method, kind.name, exc_info=error)
    what = brief(repr(error), _LONGEST_ERROR)
    return WrongKindError(kind.name, method, what, "see the log", "raised")


@runtime_checkable
class Adopting(Protocol):
    """A kind whose jobs go on when the program that runs them is killed.

    A program that opens the session then, as a host does, takes them over. The jobs of
    other kinds have failed, and their processes are ended.
    """

    def adopt(self, context: JobContext, process: AdoptedProcess | None) -> Job:
        """Return the job that goes on; must not block.

        Args:
            context: As for `start`.
            process: Its first process, running or ended; None if none is known.

        Raises:
            StartError: If there is nothing to take over; the task fails with its text.
        """
        ...


class InputChannel(Protocol):
    """What leads to the input of one job. No method blocks."""

    @property
    def waiting(self) -> int:
        """How many bytes of input the job has not taken."""
        ...

    @property
    def passed(self) -> int:
        """How many bytes of input the job has taken."""
        ...

    @property
    def refused(self) -> str:
        """Why it takes no more input; empty as long as it does."""
        ...

    def send(self, data: bytes) -> str:
        """Give it all of that input, or none; return why not, or an empty text."""
        ...

    def end_input(self) -> str:
        """Let it read the end of its input; return why not, or an empty text."""
        ...

    def resize(self, columns: int, rows: int) -> str:
        """Set the size of its terminal; return why not, or an empty text."""
        ...


@runtime_checkable
class TakesInput(Protocol):
    """A job that can have input; its kind has `takes_input`, which is true."""

    @property
    def channel(self) -> InputChannel | None:
        """What leads to its input; None if it was not asked to take any."""
        ...


class InputWatch(Protocol):
    """Tells, again and again, whether one job waits for input."""

    @property
    def waits(self) -> bool:
        """Whether it did at the last look."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether it has been sent something since it was said last that it waits."""
        ...

    def look(self, now: float, *, news: bool) -> bool:
        """Look at it; tell whether `waits` has changed. Blocks for a moment.

        Args:
            now: Seconds on the monotonic clock.
            news: Whether the job has printed something since the last look.
        """
        ...


@runtime_checkable
class TellsInput(Protocol):
    """A job that takes input, and can tell whether it waits for some."""

    def input_watch(self, *, waits: bool) -> InputWatch | None:
        """Return what tells that; None if it takes no input. Called once.

        Args:
            waits: Whether it did when another program has looked last.
        """
        ...


@runtime_checkable
class Pausable(Protocol):
    """A job that can be paused. Its kind has an attribute `can_pause` that is true.

    The jobs of other kinds can't be paused. No method may block for longer than a
    search for processes takes.
    """

    def pause(self) -> None:
        """Stand still until `resume`; does nothing if it does already.

        It still ends by `stop` and `kill`.
        """
        ...

    def resume(self) -> None:
        """Go on; does nothing if it is not paused."""
        ...


@runtime_checkable
class TellsPause(Protocol):
    """A job that can be paused, and tells if not all of it could be."""

    @property
    def pause_problem(self) -> str | None:
        """Why its last pause or resume has not reached all of it, until it has.

        In a few words that a person reads as the reason of the task; None if it has.
        """
        ...


@runtime_checkable
class Closable(Protocol):
    """A kind that holds something for its jobs, such as a connection or a pool."""

    def close(self) -> None:
        """Give it back. Called once at the end of each `stop`, after all jobs.

        On the thread of the `stop`, which it holds up. The system may be started again
        afterward.
        """
        ...
