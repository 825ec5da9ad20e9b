"""The program as the parent of orphans, for example as PID 1 of a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.actors import TaskStatus
from conditions import until
from patience import PATIENCE
from programs import run_program

from tests.faults.program import Program

if TYPE_CHECKING:
    from pathlib import Path

_AS_SUBREAPER: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_orphans_are_reaped_where_init_does_not(state: Path) -> None:
    before = [sys.executable, "-c", _AS_SUBREAPER]
    with Program(state, before=before) as program:
        program.send("!for i in {1..60}; do setsid -f true; done; exit 3")
        program.send(*(f"!setsid -f sleep 0.1; exit {n}" for n in range(10)))
        for task_id in range(2, 12):
            ended = program.wait_for_end(task_id)
            assert ended.exit_code == task_id - 2
        assert program.wait_for_end(1).exit_code == 3
        until(lambda: not psutil.Process(program.process.pid).children())
        program.send("/quit")
        program.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="a namespace of its own: needs root")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_the_first_process_of_a_container_reaps_orphans(state: Path) -> None:
    before = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("no namespace can be made here")
    with Program(state, before=before) as program:
        program.send("!for i in {1..60}; do setsid -f true; done", "!exit 3")
        assert program.wait_for_end(1).status is TaskStatus.COMPLETE
        assert program.wait_for_end(2).exit_code == 3
        (first,) = psutil.Process(program.process.pid).children()
        until(lambda: not first.children())
        program.send("/quit")
        program.wait()


_HOST: Final = f"""
import ctypes, os, subprocess, time
from backburner.actors.processes.orphans import OrphanCollector, gets_orphans
from backburner.actors import TaskSystem
assert not gets_orphans()
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
assert gets_orphans()
own = subprocess.Popen(["bash", "-c", "exit 7"])
os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
subprocess.run(["bash", "-c", "setsid -f true"], check=True)
with TaskSystem() as system:
    for n in range(9):
        system.add("Exit", "bash", f"setsid -f true; exit {{n}}")
    collector = OrphanCollector()
    while any(task.ended_at is None for task in system.list()):
        collector.collect()
    print([task.exit_code for task in system.list()])
while len(open(f"/proc/self/task/{{os.getpid()}}/children").read().split()) > 1:
    collector.collect()
print(own.wait({PATIENCE}))
"""


def test_children_of_the_embedding_program_are_not_reaped() -> None:
    host = run_program(sys.executable, "-c", _HOST)
    assert host.stderr == ""
    assert host.stdout == f"{[*range(9)]}\n7\n"


_STARTS: Final = f"""
import contextlib, os, sys, time
from pathlib import Path
from backburner.actors.processes.child import ChildProcess
from backburner.actors.processes.environment import Environment
from backburner.actors.processes.notes import JobNotes
from backburner.actors.processes.orphans import OrphanCollector

class Notes(JobNotes):
    @contextlib.contextmanager
    def starting(self, *, output_tells):
        with super().starting(output_tells=output_tells):
            yield
        end = time.monotonic() + {PATIENCE}
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() < end
        collector = OrphanCollector()
        for _ in range(3):
            collector.collect()

child = ChildProcess(
    ["bash", "-c", "exit 7"], Environment(os.environ), Path(sys.argv[1]), notes=Notes()
)
print(child.exit_status().code)
"""


def test_a_job_that_ends_during_its_start_is_not_reaped_as_an_orphan(
    tmp_path: Path,
) -> None:
    host = run_program(sys.executable, "-c", _STARTS, tmp_path / "output")
    assert (host.stdout, host.stderr) == ("7\n", "")
