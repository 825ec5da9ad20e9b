"""Engines: a kind defines which process a job is, an engine starts that process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import msgspec

from ..rules.field_types import lacks
from ..rules.record import Record
from ..rules.safe_text import brief
from ..rules.terms import is_group_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..processes.environment import Environment
    from ..rules.nodes import Node
    from ..rules.terms import Needs, Terms
    from .kind import Job, JobContext


class Command(Record, frozen=True):
    """The process to start; made by a kind, started by an engine.

    Attributes:
        argv: The program and its arguments.
        environment: The complete environment, including the mark.
        directory: The working directory, as an absolute path.
        needs: The resources to request from the engine. Resources of this machine are
            counted by the scheduler and not listed here.
        limits: The terms that limit its resource usage, if any.
    """

    argv: Sequence[str]
    environment: Environment
    directory: str
    needs: Needs = ()
    limits: Terms | None = None


class JobNote(msgspec.Struct, frozen=True):
    """The state of a job that is queued by an engine or runs on another machine.

    Attributes:
        waits: Why the job has not begun, for people, such as "needs CPU=4; 2 of 8
            free"; None once it has.
        node: The machine that runs the job; empty for this one, or not assigned yet.
    """

    waits: str | None = None
    node: str = ""


class NotingJob:
    """The base of jobs that may have to wait, or that run on another machine.

    A class instead of a protocol, because every job is checked for it.
    """

    def note(self) -> JobNote:
        """Return the current state of the job; must not block."""
        raise NotImplementedError


class Engine(Protocol):
    """Where jobs run: this machine, or a cluster.

    An engine whose jobs are `TakesInput` has an attribute `takes_input` that is true;
    an engine whose jobs are `Pausable` has a true `can_pause`.
    """

    @property
    def name(self) -> str:
        """Its name in requests: a short word."""
        ...

    @property
    def slots(self) -> int:
        """Maximum number of concurrent jobs; further jobs wait in the queue."""
        ...

    def start(self, command: Command, context: JobContext) -> Job:
        """Start a job, or queue it in the engine.

        Called by TaskActors, on several threads concurrently. Must not block for longer
        than starting a process takes.

        Raises:
            ShortageError: If resources are missing now; the start is retried.
            StartError: If the job can't be started; the task fails with this text.
        """
        ...

    def close(self) -> None:
        """Release all resources, and end all jobs that still run.

        Called at the end of each stop of a system, after its jobs have ended.
        """
        ...


@runtime_checkable
class ListsNodes(Protocol):
    """An engine that knows the machines of its cluster."""

    def tell_nodes(
        self, tell: Callable[[tuple[Node, ...], str], object], address: str = ""
    ) -> None:
        """List the nodes, or the reason why they are unknown; must not block.

        Args:
            tell: Called once, on any thread, with the nodes and an error text, which is
                empty on success.
            address: The address of the cluster; empty for that of the session.
        """
        ...


@runtime_checkable
class Outliving(Protocol):
    """An engine whose jobs keep running when the program that uses it is killed."""

    def open(self, session: str, *, stays: bool) -> None:
        """Attach to a session; called before any job is started.

        Args:
            session: A unique and permanent name of the session.
            stays: Whether jobs keep running for a while if the session disappears
                without `close`, so that the next program that opens it can adopt them.
        """
        ...

    def adopt(self, command: Command, context: JobContext) -> Job:
        """Adopt the job of a killed program; start it if it has not begun.

        A job that can't continue ends with the reason.

        Raises:
            ShortageError: If resources are missing now; the call is retried.
            StartError: If the job can't be adopted; the task fails with this text.
        """
        ...


def checked_engines(engines: Iterable[Engine]) -> dict[str, Engine]:
    """Return engines by their names.

    Raises:
        TypeError: If an object is not an engine.
        ValueError: If a name is invalid or used twice.
    """
    checked: dict[str, Engine] = {}
    if not isinstance(cast("object", engines), Iterable):
        raise TypeError(f"engines must be a list, not {type(engines).__name__}")
    for engine in engines:
        if (problem := lacks(engine, Engine)) is not None:
            raise TypeError(f"an engine {problem}")
        if not is_group_name(engine.name):
            raise ValueError(
                f"{brief(engine.name)!r} can't be the name of an engine; use a short"
                " word"
            )
        if engine.name in checked:
            raise ValueError(f"two engines are called {engine.name!r}; rename one")
        checked[engine.name] = engine
    return checked
