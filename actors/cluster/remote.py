"""An engine in a process of its own, as the session that gives it jobs sees it."""

from __future__ import annotations

import fnmatch
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ..kinds import ShortageError, StartError
from ..rules.shortage import WAITS_FOR
from ..rules.terms import PLAIN
from ..runtime.promise import Promise
from .ray_settings import SEND, RaySettings, Stay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..kinds import Command, JobContext
    from ..rules.nodes import Node
    from .link import Link
    from .ray_settings import ClusterSettings
    from .remote_job import RemoteJob
    from .wire import Run


SENT: Final = ("LANG", "LC_*", "TZ", "PYTHONUNBUFFERED", "BACKBURNER_*")
"""Names of the environment variables that travel with a job; `*` is any letters."""


class RemoteEngine:
    """Runs jobs by a process of its own, which knows the cluster.

    A job that does not say how many CPUs it needs gets one.

    The process is started with the first job, and again if it has died: then the new
    one takes over its jobs, which have gone on on the cluster. Each cluster that jobs
    name by its address has a process of its own.

    Args:
        name: What requests call it.
        settings: What the process is told.
        slots: How many jobs it is given at a time, those that wait there among them.
        python: The Python that runs the process; by default this one.
        sent: Names of the environment variables that travel with jobs.
    """

    takes_input = True
    can_pause = True

    program: tuple[str, ...] = ("-m", "backburner.actors.cluster")
    """The arguments with which Python runs its process."""

    def __init__(
        self,
        name: str,
        settings: RaySettings,
        *,
        slots: int = 1000,
        python: str | None = None,
        sent: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.slots = slots
        self._settings = settings
        self._argv = (python or sys.executable, *self.program)
        self._sent = (*SENT, *sent)
        self._stay = Stay(uuid.uuid4().hex, settings.stay.lease)
        self._is_closed = False
        self._starting = threading.Lock()
        # By the address of the cluster; empty for that of the settings.
        self._links: dict[str, Link] = {}

    @property
    def pid(self) -> int | None:
        """The id of its process; None if there is none now."""
        link = self._links.get("")
        return None if link is None or link.is_over else link.pid

    def open(self, session: str, *, stays: bool) -> None:
        """Run the jobs of a session from now on; see `Outliving`."""
        self._stay = Stay(session, self._settings.stay.lease, stays)
        self._is_closed = False

    def start(self, command: Command, context: JobContext) -> RemoteJob:
        """Give a job to the process; see `Engine`."""
        return self._give(self._run(command, context), context)

    def adopt(self, command: Command, context: JobContext) -> RemoteJob:
        """Let the process take over a job of a killed program; see `Outliving`."""
        run, task = self._run(command, context), context.task
        began = task.node or (not run.goes_on and Path(run.output).exists())
        run = msgspec.structs.replace(
            run, before="began" if began else "given", node=task.node
        )
        return self._give(run, context)

    def _run(self, command: Command, context: JobContext) -> Run:
        from .wire import Run  # noqa: PLC0415 - most sessions have no cluster

        output = context.task.output_path
        if output is None:
            raise StartError("a job of an engine needs an output file")
        task = context.task
        attempt = 1 if task.attempt is None else task.attempt.number
        terms = context.task.terms or PLAIN
        run = Run(
            f"{context.mark}.{attempt}",
            tuple(command.argv),
            self._travels(command.environment.variables),
            command.directory,
            output,
            context.mark,
            {"CPU": 1.0, **dict(command.needs)},
            context.task.attempt is not None,
            ships=terms.ships,
            input=terms.input,
        )
        if (limits := command.limits) is not None:
            run = msgspec.structs.replace(
                run, cpus=limits.cpus, memory=limits.memory, pids=limits.pids
            )
        return run

    def _give(self, run: Run, context: JobContext) -> RemoteJob:
        from .remote_job import RemoteJob  # noqa: PLC0415 - the same

        self._is_closed = False
        job = RemoteJob(run, context)
        address = (context.task.terms or PLAIN).address
        why = ""
        for _ in range(2):  # it may just be ending
            if not (why := self._linked(address).give(job)):
                return job
        raise StartError(why)

    def nodes(self, timeout: float) -> tuple[Node, ...]:
        """Return the nodes of the cluster; blocks until it has told.

        Returns:
            None of them if they can't be told.

        Raises:
            TimeoutError: If it does not answer in time.
        """
        promise: Promise[tuple[Node, ...]] = Promise()
        self.tell_nodes(lambda nodes, _: promise.tell(nodes))
        return promise.get(timeout)

    def tell_nodes(
        self, tell: Callable[[tuple[Node, ...], str], object], address: str = ""
    ) -> None:
        """Ask the process for its nodes; see `ListsNodes`."""
        try:
            self._linked(address).ask(tell)
        except (StartError, ShortageError) as error:
            tell((), str(error))

    def close(self) -> None:
        """End the process, with all jobs that it still runs; blocks for seconds."""
        with self._starting:
            self._is_closed = True
            links, self._links = self._links, {}
        for link in links.values():
            link.close()

    def _linked(self, address: str, before: str = "") -> Link:
        from .link import Link  # noqa: PLC0415 - the same

        settings = self._settings
        if address == settings.address:
            address = ""
        owner = f"{self._stay.owner}@{address}" if address else self._stay.owner
        settings = msgspec.structs.replace(
            settings,
            address=address or settings.address,
            stay=msgspec.structs.replace(self._stay, owner=owner),
        )
        with self._starting:
            link = self._links.get(address)
            if link is None or link.is_over:
                if before and self._is_closed:
                    raise StartError("the session ends")
                try:
                    link = Link(
                        self.name,
                        self._argv,
                        msgspec.json.encode(settings),
                        lambda jobs, why: self._go_on(address, jobs, why),
                        before,
                    )
                    self._links[address] = link
                except OSError as error:
                    if (lacks := WAITS_FOR.get(error.errno or 0)) is not None:
                        raise ShortageError(lacks) from error
                    why = f"can't start the process of the engine {self.name}"
                    raise StartError(f"{why}: {self._argv[0]}: {error.strerror}") from (
                        error
                    )
            return link

    def _go_on(self, address: str, jobs: list[RemoteJob], why: str) -> None:
        """Start another process, which takes over the jobs of one that has died."""
        from .remote_job import fail  # noqa: PLC0415 - the same

        for job in jobs:
            job.lost()
        try:
            link = self._linked(address, why)
        except (StartError, ShortageError) as error:
            fail(jobs, f"{why}; {error}")
            return
        for job in jobs:
            if problem := link.give(job):
                fail((job,), problem)

    def _travels(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that a job takes to another machine."""
        from .link import STAYS  # noqa: PLC0415 - the same

        more = tuple(it.strip() for it in variables.get(SEND, "").split(","))
        wanted = (*self._sent, *more)
        return {
            name: value
            for name, value in variables.items()
            if name not in STAYS and any(fnmatch.fnmatchcase(name, it) for it in wanted)
        }


def ray_engine(settings: ClusterSettings) -> RemoteEngine:
    """Return the engine `ray`; nothing is started, and Ray is not looked for."""
    return RemoteEngine(
        "ray",
        RaySettings(
            settings.address,
            shipping=settings.shipping,
            stay=Stay(lease=settings.lease),
        ),
        slots=settings.slots,
        python=settings.python or None,
        sent=settings.environment,
    )
