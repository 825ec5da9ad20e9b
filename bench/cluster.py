"""Measures jobs on a Ray cluster, beside plain Ray tasks that call `subprocess`.

Run by `make bench-cluster`: it needs Ray, and a cluster whose address is given.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil
from backburner.actors import Task, TaskRequest, TaskSystem, Terms
from backburner.actors.cluster.ray_settings import RaySettings
from backburner.actors.cluster.remote import RemoteEngine

from .figures import Figure, figures_table, median, percentile

STARTS: Final = 40
JOBS: Final = 300
MEGABYTES: Final = 300
WAITING: Final = 1000
IDLE: Final = 10.0
PATIENCE: Final = 600.0

_PLAIN: Final = """
import os, subprocess, sys, time
import ray
address, starts, jobs, megabytes = sys.argv[1], *map(int, sys.argv[2:])
ray.init(address=address, log_to_driver=False, configure_logging=False,
         _node_ip_address=address.partition(":")[0])

@ray.remote(num_cpus=0.5)
def run(*argv):
    return subprocess.run(argv, capture_output=True).stdout

ray.get([run.remote("true") for _ in range(8)])
for _ in range(starts):
    began = time.time()
    print(float(ray.get(run.remote("date", "+%s.%N"))) - began)
began = time.perf_counter()
ray.get([run.remote("true") for _ in range(jobs)])
print(jobs / (time.perf_counter() - began))
began = time.perf_counter()
ray.get(run.remote("head", "-c", str(megabytes * 1000000), "/dev/zero"))
print(megabytes / (time.perf_counter() - began))
"""


class _Measured:
    def __init__(self, system: TaskSystem, engine: RemoteEngine) -> None:
        self._system = system
        self._engine = engine

    def add(self, command: str, cpus: float = 0.5) -> int:
        terms = Terms(engine="ray", needs=(("CPU", cpus),))
        request = TaskRequest(command, "bash", (command,), terms=terms)
        return self._system.add_request(request).id

    def run(self, command: str) -> Task:
        (task,) = self._system.wait(self.add(command), timeout=PATIENCE)
        if task.exit_code != 0:
            raise RuntimeError(f"{command}: {task.reason}")
        return task

    def starts(self) -> list[float]:
        delays: list[float] = []
        for _ in range(STARTS):
            began = time.time()
            task = self.run("exec date +%s.%N")
            delays.append(float(Path(task.output_path or "").read_text()) - began)
        return delays

    def rate(self) -> float:
        began = time.perf_counter()
        ids = [self.add("true") for _ in range(JOBS)]
        self._system.wait(*ids, timeout=PATIENCE)
        return JOBS / (time.perf_counter() - began)

    def output(self, size: float) -> float:
        began = time.perf_counter()
        self.run(f"exec head -c {int(size * 1e6)} /dev/zero")
        return time.perf_counter() - began

    def waiting(self) -> tuple[float, float]:
        """Return the megabytes and the share of a core that waiting jobs take."""
        ours = [psutil.Process(), psutil.Process(self._engine.pid)]
        before = sum(it.memory_info().rss for it in ours)
        for _ in range(WAITING):
            self.add("true", 1000.0)
        time.sleep(5.0)
        memory = (sum(it.memory_info().rss for it in ours) - before) / 1e6
        used = sum(sum(it.cpu_times()[:2]) for it in ours)
        time.sleep(IDLE)
        share = (sum(sum(it.cpu_times()[:2]) for it in ours) - used) / IDLE
        self._system.cancel_all()
        return memory, share


def _plain(address: str) -> tuple[list[float], float, float]:
    done = subprocess.run(
        [
            *(sys.executable, "-c", _PLAIN, address),
            *(str(STARTS), str(JOBS), str(MEGABYTES)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    *starts, rate, output = (float(it) for it in done.stdout.split())
    return starts, rate, output


def main() -> None:
    """Measure, and print the figures as a table."""
    address = os.environ["BACKBURNER_TEST_RAY"]
    settings = RaySettings(address, address.partition(":")[0])
    engine = RemoteEngine("ray", settings)
    before = os.getloadavg()[0]
    with TaskSystem(engines=[engine]) as system:
        measured = _Measured(system, engine)
        first = measured.output(0)
        for _ in range(8):
            measured.run("true")
        starts, rate = measured.starts(), measured.rate()
        small = median([measured.output(1) for _ in range(5)])
        output = MEGABYTES / measured.output(MEGABYTES)
        memory, share = measured.waiting()
    plain_starts, plain_rate, plain_output = _plain(address)

    def delays(values: list[float]) -> str:
        middle, most = median(values), percentile(values, 95)
        return f"median {1000 * middle:.1f} ms, p95 {1000 * most:.1f} ms"

    figures = [
        Figure(
            "from add to running on a node, agent running",
            "15 ms",
            f"{delays(starts)}; plain Ray task {delays(plain_starts)}",
            median(starts) <= 0.015,
        ),
        Figure(
            f"{JOBS} jobs of 0.5 CPU",
            "150 jobs/s",
            f"{rate:.0f} jobs/s; plain Ray tasks {plain_rate:.0f}",
            rate >= 150,
        ),
        Figure(
            f"one job writing {MEGABYTES} MB",
            "150 MB/s",
            f"{output:.0f} MB/s; plain Ray task {plain_output:.0f}",
            output >= 150,
        ),
        Figure("one job writing 1 MB", "", f"{1000 * small:.0f} ms"),
        Figure(
            "the first job, which starts engine, agent and warden", "", f"{first:.1f} s"
        ),
        Figure(
            f"{WAITING:,} jobs that wait for capacity: memory",
            "100 MB",
            f"{memory:.0f} MB",
            memory <= 100,
        ),
        Figure(
            f"{WAITING:,} jobs that wait for capacity: CPU",
            "2 % of a core",
            f"{100 * share:.1f} %",
            share <= 0.02,
        ),
    ]
    load = f"{before:.1f} when it began, {os.getloadavg()[0]:.1f} at its end"
    cores = os.cpu_count()
    sys.stdout.write(f"{cores} cores; the load was {load}.\n\n{figures_table(figures)}")


if __name__ == "__main__":
    main()
