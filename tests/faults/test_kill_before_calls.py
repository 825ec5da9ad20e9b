"""A program killed before every call that changes a file, and its session reopened."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from backburner.actors import TaskStatus, TaskSystem
from backburner.actors.testing import running
from patience import PATIENCE

from tests.faults.program import SOAK

_SAMPLE: Final = 8
_PROGRAM: Final = """
import os, sys
from backburner.actors import ForgetFinished, TaskSystem
def say(text): os.write(1, f"{text}\\n".encode())
with TaskSystem(directory=sys.argv[1]) as system:
    for _ in range(3):
        task = system.add("Nap", "sleep", "0")
        say(f"added {task.id}")
    system.wait(timeout=60)
    say("ended")
    say("forgetting")
    system.queue.ask(ForgetFinished(), timeout=60)
    say("forgot")
    say(f"added {system.add('Nap', 'sleep', '0').id}")
say("closed")
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what kills."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler (cc) here")
    built = tmp_path_factory.mktemp("shim") / "kill_before.so"
    source = Path(__file__).with_name("kill_before.c")
    argv = [compiler, "-shared", "-fPIC", "-o", built, source, "-ldl"]
    subprocess.run(argv, check=True)
    return built


def _run(folder: Path, shim: Path, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, folder],
        env={**os.environ, "LD_PRELOAD": str(shim), **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.stdout.splitlines()


def test_nothing_is_lost_by_a_kill_before_any_call_that_changes_a_file(
    shim: Path, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    assert _run(tmp_path / "whole", shim, KILL_COUNT=str(count))[-1] == "closed"
    calls = int(count.read_text())
    assert calls > _SAMPLE
    killed = 0
    for number in range(1, calls + 1, 1 if SOAK else calls // _SAMPLE):
        folder = tmp_path / f"before-{number}"
        told = _run(folder, shim, KILL_BEFORE=str(number))
        killed += "closed" not in told
        _check(folder, told)
    assert killed


def _check(folder: Path, told: list[str]) -> None:
    added = [int(line.split()[1]) for line in told if line.startswith("added")]
    with running(TaskSystem(directory=folder)) as system:
        assert system.warnings == ()
        system.wait(timeout=PATIENCE)
        tasks = {task.id: task for task in system.list()}
        kept = set(added) - ({1, 2, 3} if "forgetting" in told else set())
        assert kept <= tasks.keys(), told
        if "forgot" in told:
            assert not {1, 2, 3} & tasks.keys()
        if "ended" in told:
            ended = [tasks[it].status for it in {1, 2, 3} & tasks.keys()]
            assert set(ended) <= {TaskStatus.COMPLETE}
        assert system.add("Next", "sleep", "0").id > max([*added, *tasks], default=0)
