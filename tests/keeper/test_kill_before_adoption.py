"""A program killed before each system call while it takes over jobs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from backburner.actors import TaskStatus, TaskSystem
from conditions import until
from patience import PATIENCE

from tests.faults.program import SOAK, TAG, tagged
from tests.faults.test_kill_before_calls import forks

if TYPE_CHECKING:
    from pathlib import Path

    from template import Template

__all__ = ["forks"]

_AT_ONCE: Final = 2
_BOUND: Final = 1000 if SOAK else 0
"""The number of additional kills; a run has fewer calls than that."""

_LEAVES: Final = """
import os, signal, sys, time
from backburner.actors import TaskSystem
folder, go_on = sys.argv[1:]
system = TaskSystem(directory=folder, adopt=True, slots=2)
system.start()
wait = f"echo set; while ! [ -e {go_on} ]; do sleep 0.01; done"
system.add("Exits", "bash", f"{wait}; exit 7")
system.add("Tree", "bash", f"setsid sleep 600 & {wait}; kill $!; exit 8")
system.add("Waits", "bash", "echo waited")
while any(it.last_line != "set" for it in system.list()[:2]):
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""
_TAKES_OVER: Final = """
import ctypes, sys
from backburner.actors import TaskSystem
shim = ctypes.CDLL(None)
shim.kill_before_begin()
system = TaskSystem(directory=sys.argv[1], adopt=True, slots=2, grace=0.2)
system.start()
open(sys.argv[2], "w").close()
system.wait(timeout=60)
shim.kill_before_end()
print("waited", flush=True)
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


def _take_over(place: Path, forks: Template, **environment: str) -> tuple[bool, str]:
    """Leave a session with jobs, and take them over in a program that may be killed.

    Returns whether the program finished, and the tag of all processes.
    """
    place.mkdir()
    tag = uuid.uuid4().hex
    names = [str(place / "main"), str(place / "go-on")]
    every = {**os.environ, TAG: tag}
    leaves = forks.popen([sys.executable, "-c", _LEAVES, *names], env=every)
    leaves.wait(PATIENCE)
    process = forks.popen(
        [sys.executable, "-c", _TAKES_OVER, *names],
        env={**every, **environment},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        output = stdout.read()
    process.wait(PATIENCE)
    return b"waited" in output, tag


def test_a_kill_before_any_call_of_the_adoption_loses_no_job(
    forks: Template, tmp_path: Path
) -> None:
    listed = tmp_path / "calls"
    assert _take_over(tmp_path / "whole", forks, KILL_LIST=str(listed))[0]
    calls = listed.read_text().split()
    chance = random.Random(int(os.environ["BACKBURNER_SEED"]))  # noqa: S311
    of_kind: dict[str, list[int]] = {}
    for number, name in enumerate(calls, 1):
        of_kind.setdefault(name, []).append(number)
    chosen = {chance.choice(numbers) for numbers in of_kind.values()}
    others = sorted({*range(1, len(calls) + 1)} - chosen)
    chosen |= {*chance.sample(others, min(_BOUND, len(others)))}

    def try_call(number: int) -> None:
        place = tmp_path / f"before-{number}"
        _, tag = _take_over(place, forks, KILL_BEFORE=str(number))
        (place / "go-on").touch()
        with TaskSystem(
            directory=place / "main", adopt=True, slots=2, grace=0.2
        ) as system:
            assert system.warnings == ()
            first, second, third = system.wait(1, 2, 3, timeout=PATIENCE)
        name = calls[number - 1]
        # Without a parent an exit status may be unknown, but never wrong.
        for task, code in ((first, 7), (second, 8)):
            known = task.exit_code == code or "unknown" in task.reason
            assert known, f"before call {number}, perhaps {name}: {task}"
        assert third.status is TaskStatus.COMPLETE or "unknown" in third.reason
        until(lambda: not tagged(tag))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(try_call, sorted(chosen)):
            pass
