"""A program killed before each system call, and its session reopened.

The calls are those that open, read, write, lock, rename and delete files, and those
that start, await and signal processes, while a program opens a session that another one
left, adds tasks, sees them end, cancels one, forgets them and closes the session.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskStatus, TaskSystem
from conditions import until
from patience import PATIENCE
from template import Template

from tests.faults.conftest import SEED
from tests.faults.program import SOAK, TAG, tagged
from tests.security.crafted import Session, own

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE: Final = 3
_BOUND: Final = 2000 if SOAK else 0
"""The number of additional kills; a run has fewer calls than that."""

_ALWAYS: Final = {
    *("read", "write", "open64", "close", "flock", "mkdir", "unlink", "unlinkat"),
    *("pread64", "pwrite64", "fdatasync", "ftruncate64", "posix_spawn", "waitid"),
}
"""The calls of every run; other libraries may add more."""

_PROGRAM: Final = """
import ctypes, os, sys
from backburner.actors import ForgetFinished, TaskSystem
shim = ctypes.CDLL(None)
def say(text): os.write(1, f"{text}\\n".encode())
shim.kill_before_begin()
with TaskSystem(directory=sys.argv[1], grace=0.2) as system:
    say("opened")
    prints = system.add("Print", "bash", "echo printed").id
    say(f"added {prints}")
    lasts = system.add("Last", "bash", "setsid sleep 600 & sleep 600").id
    say(f"added {lasts}")
    system.wait(2, prints, timeout=60)
    say(f"ended {prints}")
    system.cancel(lasts)
    system.wait(lasts, timeout=60)
    say(f"canceled {lasts}")
    say("forgetting")
    system.queue.ask(ForgetFinished(), timeout=60)
    say("forgot")
    say(f"added {system.add('Nap', 'sleep', '0').id}")
shim.kill_before_end()
say("closed")
"""
_LEAVES: Final = """
import os, signal, sys
from backburner.actors import TaskSystem
system = TaskSystem(directory=sys.argv[1], slots=1)
system.start()
system.add("Runs", "sleep", "600")
system.add("Waits", "bash", "echo waited")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Compile the library that kills; return a template whose forks load it."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler (cc) here")
    built = tmp_path_factory.mktemp("shim") / "kill_before.so"
    source = Path(__file__).with_name("kill_before.c")
    argv = [compiler, "-shared", "-fPIC", "-o", built, source, "-ldl"]
    subprocess.run(argv, check=True)
    return Template(environ={"LD_PRELOAD": str(built)})


@pytest.fixture
def left(forks: Template, tmp_path: Path) -> Path:
    """Return the folder of a killed session with a queued task."""
    folder = tmp_path / "left"
    forks.popen([sys.executable, "-c", _LEAVES, str(folder)]).wait(PATIENCE)
    return folder


class _Run:
    """One run of the program on a copy of a session."""

    def __init__(
        self, left: Path, place: Path, forks: Template, **environment: str
    ) -> None:
        self.place = place
        self.folder = place / "state/main"
        self.canary = place / "victim"
        place.mkdir()
        self.canary.write_text("precious\n")
        shutil.copytree(left, self.folder)
        self.tag = uuid.uuid4().hex
        # Several runs are open at once, so each needs a tag of its own.
        key, session = self.tag[:12], Session(self.folder, 0, 0.0)
        session.sql("UPDATE meta SET value = ? WHERE key = 'session_key'", key)
        session.lock(key=key)
        own(self.folder)
        process = forks.popen(
            [sys.executable, "-c", _PROGRAM, str(self.folder)],
            env={**os.environ, TAG: self.tag, **environment},
            stdout=subprocess.PIPE,
            cwd=place,
        )
        assert process.stdout is not None
        with process.stdout as stdout:
            self.said = stdout.read().decode().splitlines()
        process.wait(PATIENCE)


@pytest.mark.timeout(1200)  # about twenty programs, each waited for
def test_a_kill_before_any_call_loses_nothing(
    forks: Template, left: Path, tmp_path: Path, report: Callable[[str], None]
) -> None:
    listed = tmp_path / "calls"
    whole = _Run(left, tmp_path / "whole", forks, KILL_LIST=str(listed))
    assert whole.said[-1] == "closed"
    calls = listed.read_text().split()
    assert {*calls} >= _ALWAYS
    chosen = _choose(calls)

    def try_call(number: int) -> bool:
        place = tmp_path / f"before-{number}"
        run = _Run(left, place, forks, KILL_BEFORE=str(number))
        try:
            _check(run)
        except BaseException as error:
            name = calls[number - 1]
            text = f"before call {number}, perhaps {name}; BACKBURNER_SEED={SEED}"
            raise AssertionError(f"{text}: {run.said}") from error
        shutil.rmtree(place)
        return "closed" not in run.said

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        killed = sum(pool.map(try_call, chosen))
    # Another run may make a few calls fewer.
    assert killed >= len(chosen) - len(chosen) // 10 - 2
    kinds = len({*calls})
    report(f"killed before {killed} of {len(calls)} calls of {kinds} kinds; none lost")


def _choose(calls: list[str]) -> list[int]:
    """Return the numbers of a call of each kind, and of more as far as there is time.

    The last calls are left out, as their number varies between runs.
    """
    chance = random.Random(SEED)  # noqa: S311 - chooses moments, keeps no secrets
    of_kind: dict[str, list[int]] = {}
    for number, name in enumerate(calls, 1):
        of_kind.setdefault(name, []).append(number)
    chosen = {chance.choice(numbers) for numbers in of_kind.values()}
    others = sorted({*range(1, len(calls) + 1)} - chosen)
    return sorted({*chosen, *chance.sample(others, min(_BOUND, len(others)))})


def _is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # A child that another thread is just starting has the file open too.
        fcntl.flock(file, fcntl.LOCK_UN)
        return True


def _check(run: _Run) -> None:
    lines = run.said
    announced = {
        word: [int(it.split()[1]) for it in lines if it.startswith(f"{word} ")]
        for word in ("added", "ended", "canceled")
    }
    forgotten = {1, 2, *announced["added"][:2]} if "forgetting" in lines else set[int]()
    # A child that was just being started holds the lock until it calls exec.
    until(lambda: _is_free(run.folder / "lock"))
    with TaskSystem(directory=run.folder, grace=0.2) as system:
        assert system.warnings == ()
        system.wait(timeout=PATIENCE)
        tasks = {task.id: task for task in system.list()}
        assert ({1, 2} | {*announced["added"]}) - forgotten <= tasks.keys()
        if "forgot" in lines:
            assert not forgotten & tasks.keys()
        assert all(it.status.is_final for it in tasks.values())
        lost = tasks.get(1)
        assert lost is None or lost.status is TaskStatus.FAILED
        for task_id in announced["ended"]:
            if task_id in tasks:
                assert tasks[task_id].status is TaskStatus.COMPLETE
                log = run.folder / f"output/{task_id}.log"
                assert log.read_text() == "printed\n"
        for task_id in {*announced["canceled"]} & tasks.keys():
            assert tasks[task_id].status is TaskStatus.CANCELED
        # A task queued at the kill runs once, with its own output.
        waited = tasks.get(2)
        if waited is not None and waited.status is TaskStatus.COMPLETE:
            assert (run.folder / "output/2.log").read_text() == "waited\n"
        new = system.add("Next", "bash", "echo new").id
        assert new > max([2, *announced["added"], *tasks])
        (ended,) = system.wait(new, timeout=PATIENCE)
        assert (ended.status, ended.reason) == (TaskStatus.COMPLETE, "exit status 0")
        assert (run.folder / f"output/{new}.log").read_text() == "new\n"
    until(lambda: not tagged(run.tag))
    assert {it.name for it in run.place.iterdir()} == {"state", "victim"}
    assert {it.name for it in (run.place / "state").iterdir()} == {"main"}
    digest = hashlib.sha256(run.canary.read_bytes()).hexdigest()
    assert digest == hashlib.sha256(b"precious\n").hexdigest()
