"""A cluster that outlives its engine processes, and hosts that use it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from backburner.actors import TaskRequest, TaskSystem, Terms
from conditions import until
from patience import PATIENCE
from process_ends import with_arguments

from tests.cluster.clusters import outlived_by
from tests.cluster.fake_cluster import NODES, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from backburner.actors.cluster.remote import RemoteEngine

_HOST: Final = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/helpers")!r}]
from {__name__} import run_host
run_host(*sys.argv[1:])
"""


class Cluster:
    """A cluster that outlives its engine processes."""

    def __init__(self, name: str, folder: Path, path: str) -> None:
        self.name = name
        self.folder = folder
        self.path = path

    def engine(self, lease: float = 60.0) -> RemoteEngine:
        return outlived_by(self.name, self.path, lease)

    def system(self, engine: RemoteEngine) -> TaskSystem:
        return TaskSystem(
            directory=self.folder / "state", adopt=True, engines=[engine], grace=0.5
        )

    def job(self, command: str, **terms: object) -> TaskRequest:
        return TaskRequest(
            command,
            "bash",
            (command,),
            directory=str(self.folder),
            environment=dict(os.environ),
            terms=Terms(engine=self.name, **terms),  # type: ignore[arg-type]
        )

    def go(self) -> None:
        """Let waiting jobs end."""
        (self.folder / "go").touch()

    @contextlib.contextmanager
    def host(
        self, command: str, lease: float = 60.0, terms: str = "{}"
    ) -> Generator[Callable[[], None]]:
        """Run a job in another program; yield what kills that.

        The job has begun, and that is written down.
        """
        program = subprocess.Popen(
            [
                *(sys.executable, "-c", _HOST, self.name, self.path),
                *(str(lease), str(self.folder), command, terms),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )

        def kill() -> None:
            program.kill()
            program.wait()

        assert program.stdout is not None
        try:
            assert program.stdout.readline() == b"up\n"
            yield kill
        finally:
            kill()
            program.stdout.close()

    def kill_agents(self) -> None:
        """Kill the agents of all nodes."""
        if self.name == "fake":
            for it in self._nodes():
                it.send_signal(signal.SIGUSR2)
            return
        for it in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if "NodeAgent" in " ".join(it.cmdline()):
                    it.kill()

    def is_empty(self) -> bool:
        """Return whether no room is reserved."""
        if self.name == "fake":
            return not self._nodes()
        with contextlib.closing(self.engine()) as engine:
            nodes = engine.nodes(PATIENCE)
            return all(it.free["CPU"] == it.total["CPU"] for it in nodes)

    def _nodes(self) -> list[psutil.Process]:
        return with_arguments(lambda it: it[2:] == [NODES, self.path])


def run_host(  # noqa: PLR0913, PLR0917 - a command line
    name: str, path: str, lease: str, folder: str, command: str, terms: str
) -> None:
    """Run a job in another program, and report its start."""
    cluster = Cluster(name, Path(folder), path)
    with cluster.system(cluster.engine(float(lease))) as system:
        task_id = system.add_request(cluster.job(command, **json.loads(terms))).id
        until(lambda: system.get(task_id).node)
        until(lambda: system.get(task_id).last_line or "sleep" in command)
        print("up", flush=True)  # noqa: T201 - who started it waits for that
        time.sleep(600)
