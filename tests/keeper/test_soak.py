"""Hosts and keepers killed at any moment under load: every end is true."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from backburner.actors import AddTask, Task, TaskChanged, TaskEvent, TaskRequest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.rules.outcome import NEVER_KNOWN
from conditions import until
from msgspec.structs import replace
from patience import PATIENCE

from tests.faults.program import SOAK
from tests.host.clients import Heard, kill_named, until_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors.host.settings import HostSettings
    from host_care import HostCare

_KILLS: Final = {
    "host": 200 if SOAK else 5,
    "keeper": 50 if SOAK else 2,
    "both": 50 if SOAK else 2,
}
_JOBS: Final = (
    "sleep 0.{n}",
    "for i in {{1..5}}; do echo $i; sleep .0{n}; done",
    "(sleep 0.{n} & wait); setsid sleep 0.1 &",
    "setsid -f sleep 0.05; setsid sleep 0.0{n}",
    "printf %200000d 7",
    ":",
    ":",
)
"""The commands of jobs; each also records its start, its end and its exit status."""

_LONG: Final = 4
_BEFORE, _AFTER = 4, 4
"""The numbers of tasks added some time before a kill, and just before it."""

_SOON: Final = 0.15  # the longest time between the two kills
_DATED: Final = 0.05  # the most seconds between a job's end and its record


_LINUX: Final = tuple(map(int, os.uname().release.split(".")[:2]))
_KERNEL_TELLS: Final = _LINUX >= (6, 15)
"""Whether the kernel reports the exit status to all holders of a pidfd."""

_HAS_NUMBERS: Final = _LINUX >= (6, 12)
"""Whether starts have numbers, by which the exits of their processes are known."""


class _Gap(NamedTuple):
    """When a host was killed, and when the next one served, in seconds."""

    begin: float
    end: float


class _Load:
    """Tasks of all kinds added to a session, and their ends.

    Args:
        session: The session.
        folder: Where the jobs write down how they end.
        chance: Chooses.
    """

    def __init__(
        self, session: RemoteSystem, folder: Path, chance: random.Random
    ) -> None:
        self._session = session
        self._folder = folder
        self._chance = chance
        self.wanted: dict[str, int] = {}
        self.go_on = folder / "go-on"
        self._answers = Heard()
        self.heard = Heard()
        session.subscribe(self.heard)

    def add(self, count: int) -> None:
        """Add some jobs and one timer without blocking; killed hosts may lose them."""
        for _ in range(count):
            does = self._chance.choice(_JOBS).format(n=self._chance.randrange(1, 9))
            self._tell(does)
        self._send(f"timer {len(self.wanted)}", "sleep", "100ms")

    def add_long(self, count: int) -> None:
        """Add jobs that run until the file `go_on` exists."""
        for _ in range(count):
            self._tell(f"while ! [ -e {self.go_on} ]; do sleep 0.05; done; {{ends}}")

    def _tell(self, does: str) -> None:
        name = f"{len(self.wanted)}"
        code = self.wanted[name] = self._chance.randrange(100)
        own = self._folder / name
        ends = f"echo $EPOCHREALTIME {code} >> {own}; exit {code}"
        self._send(name, "bash", f"echo began >> {own}\n{does}\n{ends}")

    def _send(self, name: str, kind: str, argument: str) -> None:
        # A request with a key is repeated if its answer is lost, and adds one task.
        request = TaskRequest(name, kind, (argument,), key=f"soak {name}")
        self._session.queue.tell(AddTask(request, self._answers))

    def ends(self) -> dict[str, Task]:
        """Return the ends of tasks by name; each must be announced once."""
        changes = [it for it in self.heard.messages if isinstance(it, TaskChanged)]
        ended = [
            it
            for it in changes
            # A finished task may have left a process running, whose end is announced
            # later.
            if it.task.status.is_final and it.event is not TaskEvent.PROGRESS
        ]
        times = Counter(it.task.id for it in ended)
        assert not [it for it in ended if times[it.task.id] > 1]
        return {it.task.description: it.task for it in ended}

    def check(self, name: str, task: Task, gaps: list[_Gap]) -> str:
        """Compare a task with what its job says; return why its end is unknown.

        That is true if the job had ended, by its own word, while nobody could see it.
        """
        own = self._folder / name
        began, *end = own.read_text().splitlines() if own.exists() else ("nothing",)
        assert len(end) <= 1, f"it ran twice: {task}"
        if "unknown" in task.reason:
            at = float(end[0].split()[0].replace(",", ".")) if end else 0.0
            close = (gap for gap in gaps if gap.begin - _DATED <= at <= gap.end)
            assert any(close) or began == "nothing", (task, end, gaps)
            return task.reason
        assert began == "began", task
        assert end, task
        assert task.exit_code == int(end[0].split()[1]), task
        return ""


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("killed", ["host", "keeper", "both"])
def test_no_job_is_lost_and_every_exit_status_is_true_under_load(  # noqa: PLR0913, PLR0917 - fixtures
    settings: HostSettings,
    events: Heard,
    tmp_path: Path,
    care: HostCare,
    report: Callable[[str], None],
    killed: str,
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    chance = random.Random(f"{os.environ['BACKBURNER_SEED']} {killed}")  # noqa: S311
    settings = replace(settings, history=100_000, slots=12)
    gaps: list[_Gap] = []
    with RemoteSystem(settings, events=events) as session:
        load = _Load(session, folder, chance)
        load.add_long(_LONG)
        for _ in range(_KILLS[killed]):
            load.add(_BEFORE)
            time.sleep(chance.random() * _SOON)
            load.add(_AFTER)
            time.sleep(chance.random() * _SOON / 10)
            before, begin = session.welcome.pid, time.time()
            kill_named(session, killed)
            until_back(events, before, session)
            gaps.append(_Gap(begin, time.time()))
        load.go_on.touch()
        session.wait(timeout=PATIENCE)

        ends = load.ends()
        unknown = Counter(load.check(name, ends[name], gaps) for name in load.wanted)
        jobs = unknown.pop("", 0) + unknown.total()
        report(f"{len(gaps)} kills, {jobs} jobs, unknown: {dict(unknown)}")
        timers = [it for name, it in ends.items() if name.startswith("timer")]
        assert {it.reason for it in timers} == {"slept"}
        knows_all = {"keeper": _KERNEL_TELLS, "host": _HAS_NUMBERS}
        if knows_all.get(killed):
            assert not unknown
        elif killed == "host":
            # These jobs ended while they were being started.
            assert {*unknown} <= {NEVER_KNOWN.reason}
            assert unknown.total() <= len(gaps)
        session.end()
    until(lambda: not [it for it in care.left() if it.pid != os.getpid()])
