"""The session's side of an engine that runs in a process of its own."""

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
"""Names of the environment variables sent with a job; `*` matches any letters."""


class RemoteEngine:
    """Runs jobs through a process of its own, which is connected to the cluster.

    A job that does not specify its CPUs gets one.

    The process is started with the first job, and restarted if it dies; the new process
    adopts the jobs, which have continued on the cluster. Each cluster address that jobs
    name has a process of its own.

    Args:
        name: The name of the engine in requests.
        settings: The settings of the process.
        slots: Maximum number of concurrent jobs, including those that wait on the
            cluster.
        python: The Python that runs the process; by default this one.
        sent: Names of the environment variables sent with jobs.
    """

    takes_input = True
    can_pause = True

    program: tuple[str, ...] = ("-m", "backburner.actors.cluster")
    """The arguments with which Python runs the process."""

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
        """Attach to a session; see `Outliving`."""
        self._stay = Stay(session, self._settings.stay.lease, stays)
        self._is_closed = False

    def start(self, command: Command, context: JobContext) -> RemoteJob:
        """Send a job to the process; see `Engine`."""
        return self._give(self._run(command, context), context)

    def adopt(self, command: Command, context: JobContext) -> RemoteJob:
        """Make the process adopt a job of a killed program; see `Outliving`."""
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
        for _ in range(2):  # the process may be ending
            if not (why := self._linked(address).give(job)):
                return job
        raise StartError(why)

    def nodes(self, timeout: float) -> tuple[Node, ...]:
        """Return the nodes of the cluster; blocks until it has answered.

        Returns:
            The nodes; empty if they are unknown.

        Raises:
            TimeoutError: If it does not answer in time.
        """
        promise: Promise[tuple[Node, ...]] = Promise()
        self.tell_nodes(lambda nodes, _: promise.tell(nodes))
        return promise.get(timeout)

    def tell_nodes(
        self, tell: Callable[[tuple[Node, ...], str], object], address: str = ""
    ) -> None:
        """Request the nodes from the process; see `ListsNodes`."""
        try:
            self._linked(address).ask(tell)
        except (StartError, ShortageError) as error:
            tell((), str(error))

    def close(self) -> None:
        """End the process and all jobs that it still runs; blocks for seconds."""
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
                        lambda jobs, why: self._replace_link(address, jobs, why),
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

    def _replace_link(self, address: str, jobs: list[RemoteJob], why: str) -> None:
        """Start another process, which adopts the jobs of a dead one."""
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
        """Return the environment variables to send with a job."""
        from .link import STAYS  # noqa: PLC0415 - the same

        more = tuple(it.strip() for it in variables.get(SEND, "").split(","))
        wanted = (*self._sent, *more)
        return {
            name: value
            for name, value in variables.items()
            if name not in STAYS and any(fnmatch.fnmatchcase(name, it) for it in wanted)
        }


def ray_engine(settings: ClusterSettings) -> RemoteEngine:
    """Return the engine `ray`; starts nothing, and does not check for Ray."""
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
