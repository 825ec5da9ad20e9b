"""How long jobs are without a host after theirs was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from backburner.actors import TaskFilter
from backburner.actors.host.events import HostBack, HostEvent
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings

from .figures import Curves, Figure, Report, median

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZES: Final = (1, 100, 1_000)
ROUNDS: Final = 5
SECONDS: Final = 20
_LARGEST: Final = 12.0  # maximum MB of a keeper
_PAUSE: Final = 0.005
_TIMEOUT: Final = 120.0


def measure(folder: Path) -> Report:
    """Measure it with few and many jobs, and the cost of their keeper."""
    served: list[float] = []
    adopted: list[float] = []
    python: list[float] = []
    keeper: tuple[Figure, ...] = ()
    for size in SIZES:
        directory = str(folder / f"{size}" / "main")
        with RemoteSystem(HostSettings(directory=directory, slots=size)) as system:
            try:
                _start(system, size)
                rounds = [_round(directory, size) for _ in range(ROUNDS)]
                if size == SIZES[-1]:
                    keeper = _keeper(system.welcome.pid)
            finally:
                system.end()
        served.append(median([it[0] for it in rounds]))
        adopted.append(median([it[1] for it in rounds]))
        python.append(median([_python() for _ in range(ROUNDS)]))
    what = "milliseconds from `kill -9` of a host, by the number of running jobs"
    costs = {
        "until its clients have the next host": served,
        "until the next host watches all jobs": adopted,
        "for comparison: `python3 -c pass`, in between": python,
    }
    sizes = tuple(f"{size:,}" for size in SIZES)
    return Report(figures=keeper, curves=(Curves(what, sizes, costs),))


class _Back:
    """Waits until there is a host again."""

    def __init__(self) -> None:
        self.heard = threading.Event()

    def tell(self, event: HostEvent, /) -> None:
        if isinstance(event, HostBack):
            self.heard.set()


def _start(system: RemoteSystem, size: int) -> None:
    for _ in range(size):
        system.add("Waits", "bash", "exec sleep 1h")
    _until_watched(system.welcome.pid, size)


def _round(directory: str, size: int) -> tuple[float, float]:
    back = _Back()
    settings = HostSettings(directory=directory, slots=size)
    with RemoteSystem(settings, events=back) as other:
        begun = time.perf_counter()
        os.kill(other.welcome.pid, signal.SIGKILL)
        if not back.heard.wait(_TIMEOUT):
            raise TimeoutError("no other host came")
        served = 1000 * (time.perf_counter() - begun)
        _until_watched(other.welcome.pid, size)
        adopted = 1000 * (time.perf_counter() - begun)
        if len(other.list(TaskFilter.RUNNING)) != size:
            raise RuntimeError("not all jobs run still")
    return served, adopted


def _until_watched(host: int, size: int) -> None:
    """Wait until a host has a pidfd for each of this many processes."""
    end = time.monotonic() + _TIMEOUT
    while len({*_watched(host)}) < size:
        if time.monotonic() > end:
            raise TimeoutError(f"not all of {size} jobs are watched")
        time.sleep(_PAUSE)


def _watched(host: int) -> Iterable[str]:
    for file in Path(f"/proc/{host}/fdinfo").iterdir():
        try:
            found = file.read_text().partition("\nPid:\t")[2]
        except OSError:
            continue  # closed meanwhile
        if found:
            yield found.partition("\n")[0]


def _python() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return 1000 * (time.perf_counter() - begun)


def _keeper(host: int) -> tuple[Figure, ...]:
    keeper = psutil.Process(host).parent()
    assert keeper is not None  # noqa: S101 - it has started the host
    time.sleep(3.0)  # until its work after a start is done
    before = keeper.cpu_times()
    time.sleep(SECONDS)
    after = keeper.cpu_times()
    used = after.user + after.system - before.user - before.system
    ticks = round(used * os.sysconf("SC_CLK_TCK"))
    size = keeper.memory_info().rss / 1e6
    return (
        Figure(
            f"a keeper beside a running host, for {SECONDS} s: CPU time",
            "0 ticks",
            f"{ticks} ticks",
            ticks == 0,
        ),
        Figure("memory of a keeper", "12 MB", f"{size:.1f} MB", size <= _LARGEST),
    )
