"""What a job is, and what can run it: a kind says what, an engine says where."""

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
    """What a process is to be; made by a kind, started by an engine.

    Attributes:
        argv: The program and its arguments.
        environment: All its environment variables, its mark among them.
        directory: Where it starts, as an absolute path.
        needs: The resources that the engine is to give it. Those of this machine are
            counted by the scheduler and not named here.
        limits: The terms that limit what it may use, if it has such.
    """

    argv: Sequence[str]
    environment: Environment
    directory: str
    needs: Needs = ()
    limits: Terms | None = None


class JobNote(msgspec.Struct, frozen=True):
    """What a job says of itself before its end.

    Attributes:
        waits: Why it has not begun, for people, such as "needs CPU=4; 2 of 8 free";
            None once it has.
        node: The machine on which it runs; empty for this one, or none yet.
    """

    waits: str | None = None
    node: str = ""


class NotingJob:
    """The base of jobs that may have to wait, or that run on another machine.

    Not a protocol: whether a job is one is asked for every job.
    """

    def note(self) -> JobNote:
        """Return what there is to say of it now; must not block."""
        raise NotImplementedError


class Engine(Protocol):
    """Where jobs run: this machine, or a cluster.

    One whose jobs are `TakesInput` has an attribute `takes_input` that is true; one
    whose jobs are `Pausable` has a `can_pause` that is true.
    """

    @property
    def name(self) -> str:
        """What a request calls it: a short word."""
        ...

    @property
    def slots(self) -> int:
        """How many jobs it is given at a time; the others wait in the queue."""
        ...

    def start(self, command: Command, context: JobContext) -> Job:
        """Start a job, or let it wait for its turn there.

        Called by the actors of tasks, on several threads at once. Must not block for
        longer than starting a process takes.

        Raises:
            ShortageError: If it can't be started just now; it is tried again.
            StartError: If it can't be started; the task fails with its text.
        """
        ...

    def close(self) -> None:
        """End what it holds, and all jobs that it still runs.

        Called at the end of each stop of a system, after all its jobs.
        """
        ...


@runtime_checkable
class ListsNodes(Protocol):
    """An engine that knows the machines it runs jobs on."""

    def tell_nodes(
        self, tell: Callable[[tuple[Node, ...], str], object], address: str = ""
    ) -> None:
        """Tell the nodes, and why not if they can't be told; must not block.

        Args:
            tell: Called once, on any thread: with the nodes, and with a text that is
                empty if they are known.
            address: Which cluster; empty for that of the session.
        """
        ...


@runtime_checkable
class Outliving(Protocol):
    """An engine whose jobs go on when the program that runs them is killed."""

    def open(self, session: str, *, stays: bool) -> None:
        """Run the jobs of a session from now on; called before any is started.

        Args:
            session: What it is called, unlike any other, and whenever it is opened.
            stays: Whether jobs go on for a while if the session is gone without a
                `close`, so that a program that opens it then can take them over.
        """
        ...

    def adopt(self, command: Command, context: JobContext) -> Job:
        """Return the job of a killed program: it goes on, or begins if it has not.

        If it can't go on it ends with the reason.

        Raises:
            ShortageError: As `start`.
            StartError: The same.
        """
        ...


def checked_engines(engines: Iterable[Engine]) -> dict[str, Engine]:
    """Return engines by their names.

    Raises:
        TypeError: If one is not an engine.
        ValueError: If a name can't be one, or two engines have the same.
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
