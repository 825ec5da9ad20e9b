"""The protocols of kinds and their jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self, cast, runtime_checkable

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
"""Maximum number of characters quoted from an exception of a kind."""


class InvalidRequestError(ValueError):
    """An invalid request; the text says why and what to do, in one line."""


class StartError(Exception):
    """A job could not be started; the text becomes the reason of the failure."""


class WrongKindError(StartError):
    """A kind violates its protocol.

    Args:
        kind: The name of the kind.
        problem: The violation, and what the kind must do instead.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(safe_line(f"bug in kind {kind!r}: {problem}"))

    @classmethod
    def returned(cls, kind: str, method: str, value: object, wanted: str) -> Self:
        """Return the error of a method that returned an invalid value."""
        return cls(kind, f"{method}() returned {brief(repr(value))}; {wanted}")


class ShortageError(StartError):
    """A job could not be started because a resource is temporarily missing.

    The text names it: "free memory", "a free file descriptor". The task waits with this
    text as its reason, and the start is retried until it succeeds or the task is
    canceled. A failed attempt must not leave anything of the job behind.
    """


def _do_nothing() -> None:
    """Do nothing: outside an actor nothing waits for the thread."""


class JobContext(Record, frozen=True):
    """The environment of a job: its task and the services it may use.

    Attributes:
        task: The task, as of its start.
        mark: The value of `BACKBURNER_TASK` for its processes; see `marks`.
        clock: The time, and delayed calls.
        exits: Callbacks for exits of child processes.
        look: Schedules a call of `Job.look`; may be called on any thread, and never
            blocks. Returns false if the job's actor has stopped.
        environment: The variables that its processes inherit: those of the request, or
            of this process when the task system was started; with `PYTHONUNBUFFERED`.
        notes: Records the job's process and its exit status for a program that adopts
            the job.
        engine: The engine that runs its process; None for this machine.
        channels: Opens the terminal or the pipe of a job that requests one.
        about_to_block: Makes another thread run the other actors. A job calls it before
            it blocks for milliseconds in one of its methods; does not block itself.
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
    about_to_block: Callable[[], None] = _do_nothing

    @property
    def output(self) -> Path | None:
        """The path of its output file; None for a kind without output."""
        path = self.task.output_path
        return None if path is None else Path(path)


class JobEnd(msgspec.Struct, frozen=True):
    """The end of a job.

    Attributes:
            outcome: How it ended: Complete or Failed. A job that was stopped before its
                end becomes Canceled, whatever this says.
            leftover: Names the processes that could not be ended, for people; None if
                none.
            left: Processes that keep running without it, if any are known.
    """

    outcome: Outcome
    leftover: str | None = None
    left: tuple[ProcessId, ...] = ()


class Job(Protocol):
    """A running job, owned by its TaskActor.

    No method may block for more than some milliseconds, and for these only after
    `JobContext.about_to_block`.
    """

    def look(self) -> JobEnd | None:
        """Check the state of the job.

        Called after every `context.look()`, on ticks, and before and after `stop`.

        Returns:
            Its end, or None while it runs.
        """
        ...

    def progress(self) -> int | None:
        """Return the progress in percent if the job itself knows it, or None.

        Progress in its output is recognized elsewhere.
        """
        ...

    def stop(self) -> None:
        """Request its end; it has the grace period for that."""
        ...

    def kill(self) -> None:
        """End it now, by force.

        `look` must tell the end within two seconds. If it does not, the task ends
        without it, with an error that names the kind.
        """
        ...

    def pid(self) -> int | None:
        """Return the process id, or None without a process."""
        ...


class KindWords(Protocol):
    """The texts about a kind that people see."""

    @property
    def name(self) -> str:
        """Its name in requests: a short word."""
        ...

    @property
    def usage(self) -> str:
        """Its arguments, for help: `COMMAND`."""
        ...

    @property
    def summary(self) -> str:
        """A short description, for help."""
        ...


class Kind(KindWords, Protocol):
    """A kind of job: any object with these members."""

    @property
    def writes_output(self) -> bool:
        """Whether its jobs write output files."""
        ...

    def check(self, args: tuple[str, ...]) -> None:
        """Validate the arguments of a request before it becomes a task.

        Called by the QueueActor for every request, so it must not block.

        Raises:
            InvalidRequestError: If they are invalid. Any other exception rejects the
                request as well, with a text that names the kind.
        """
        ...

    def start(self, context: JobContext) -> Job:
        """Start a job; must not block for longer than starting a process takes.

        Raises:
            ShortageError: If a resource is missing now; the start is retried.
            StartError: If the job can't be started; the task fails with this text. Any
                other exception fails the task too, with a reason that names the kind,
                and is logged.
        """
        ...


def check(kind: Kind, args: tuple[str, ...]) -> None:
    """Make a kind check the arguments of a request.

    Raises:
        InvalidRequestError: If they are invalid, or the kind raises any exception.
    """
    try:
        answer = cast("object", kind.check(args))  # type: ignore[func-returns-value]
    except InvalidRequestError:
        raise
    except BaseException as error:
        raise InvalidRequestError(str(raised(kind, "check", error))) from error
    if answer is False:
        wanted = "it must raise an InvalidRequestError that says why"
        fault = WrongKindError.returned(kind.name, "check", answer, wanted)
        raise InvalidRequestError(str(fault))


def raised(kind: Kind, method: str, error: BaseException) -> WrongKindError:
    """Log an exception of a kind's method, and return the error to raise for it."""
    logger.error("%s() of the kind %r failed", method, kind.name, exc_info=error)
    what = brief(repr(error), _LONGEST_ERROR)
    return WrongKindError(kind.name, f"{method}() raised {what}; see the log")


@runtime_checkable
class Adopting(Protocol):
    """A kind whose jobs keep running when the program that started them is killed.

    The next program that opens the session, such as a host, adopts them. Jobs of other
    kinds fail, and their processes are ended.
    """

    def adopt(self, context: JobContext, process: AdoptedProcess | None) -> Job:
        """Return the adopted job; must not block.

        Args:
            context: As for `start`.
            process: Its first process, running or ended; None if unknown.

        Raises:
            StartError: If there is nothing to adopt; the task fails with this text.
        """
        ...


class InputChannel(Protocol):
    """The connection to the input of one job. No method blocks."""

    @property
    def waiting(self) -> int:
        """Bytes of input that the job has not read yet."""
        ...

    @property
    def passed(self) -> int:
        """Bytes of input that the job has read."""
        ...

    @property
    def refused(self) -> str:
        """Why it accepts no more input; empty while it does."""
        ...

    def send(self, data: bytes) -> str:
        """Send all of that input or nothing; return the reason, or an empty text."""
        ...

    def end_input(self) -> str:
        """Signal the end of the input; return why this failed, or an empty text."""
        ...

    def resize(self, columns: int, rows: int) -> str:
        """Set the size of the terminal; return why this failed, or an empty text."""
        ...


@runtime_checkable
class TakesInput(Protocol):
    """A job that can have input; its kind has a true attribute `takes_input`."""

    @property
    def channel(self) -> InputChannel | None:
        """The connection to its input; None if the task did not request input."""
        ...


class InputWatch(Protocol):
    """Detects, by repeated checks, whether a job waits for input."""

    @property
    def waits(self) -> bool:
        """Whether the job waited for input at the last check."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether input was sent since the last report that the job waits."""
        ...

    def look(self, now: float, *, news: bool) -> bool:
        """Check the job; return whether `waits` has changed. Blocks for a moment.

        Args:
            now: Seconds on the monotonic clock.
            news: Whether the job has printed anything since the last check.
        """
        ...


@runtime_checkable
class TellsInput(Protocol):
    """A job that takes input, and detects whether it waits for some."""

    def input_watch(self, *, waits: bool) -> InputWatch | None:
        """Return the detector; None if the job takes no input. Called once.

        Args:
            waits: The last state that an earlier program detected.
        """
        ...


@runtime_checkable
class Pausable(Protocol):
    """A job that can be paused. Its kind has a true attribute `can_pause`.

    Jobs of other kinds can't be paused. No method may block for longer than a search
    for processes takes.
    """

    def pause(self) -> None:
        """Suspend the job until `resume`; does nothing if it is paused.

        `stop` and `kill` still end it.
        """
        ...

    def resume(self) -> None:
        """Continue the job; does nothing if it is not paused."""
        ...


@runtime_checkable
class TellsPause(Protocol):
    """A job that can be paused, and reports if parts of it could not be."""

    @property
    def pause_problem(self) -> str | None:
        """Why the last pause or resume has not reached all processes.

        A short text, shown as the reason of the task; None if it has reached all.
        """
        ...


@runtime_checkable
class Closable(Protocol):
    """A kind that holds a resource for its jobs, such as a connection or a pool."""

    def close(self) -> None:
        """Release the resource. Called once at the end of each `stop`, after all jobs.

        Blocks the thread of the `stop`. The system may be started again afterward.
        """
        ...
