"""Alternatives that a user might choose, and the lower limit: a loop in C."""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIMIT = "C loop around posix_spawn"
POOL = "ThreadPoolExecutor and subprocess.run"


def contenders(
    folder: Path, command: str, jobs: int, slots: int
) -> tuple[dict[str, Callable[[], float]], tuple[str, ...]]:
    """Return functions that run a command many times, and names of missing programs.

    Each function returns the seconds from its first start to its last end.

    Args:
        folder: For the files of the programs.
        command: For `bash -c`.
        jobs: Number of runs.
        slots: Maximum number of concurrent runs; nq always runs one.
    """
    lines = f"{command}\n" * jobs

    def xargs() -> float:
        argv = ["xargs", "-P", str(slots), "-I{}", "bash", "-c", "{}"]
        return timed(argv, lines)

    def parallel() -> float:
        return timed(["parallel", "-j", str(slots), "bash -c {}"], lines)

    def task_spooler() -> float:
        # The end is polled, at an interval that is small compared to the whole.
        return timed_script(
            f"export TS_SOCKET={folder}/tsp TMPDIR={folder} TS_MAXFINISHED={2 * jobs}\n"
            f"tsp -S {slots}\n"
            f"for i in $(seq {jobs}); do tsp bash -c '{command}' >/dev/null; done\n"
            "while tsp | grep -qE 'queued|running'; do sleep 0.02; done\n"
            "tsp -K"
        )

    def nq() -> float:
        return timed_script(
            # A new folder each time: deleting files slows down later runs.
            f"cd $(mktemp -d {folder}/nq-XXXXXX)\n"
            f"for i in $(seq {jobs}); do nq -q bash -c '{command}'; done\n"
            "nq -w"
        )

    ways: dict[str, Callable[[], float]] = {}
    loop = compiled_loop(folder)
    if loop is not None:
        ways[LIMIT] = lambda: timed([str(loop), str(jobs), str(slots), command])
    ways[POOL] = lambda: thread_pool(command, jobs, slots)
    others = {
        "xargs -P": ("xargs", xargs),
        "GNU parallel": ("parallel", parallel),
        "task-spooler": ("tsp", task_spooler),
        "nq (one at a time)": ("nq", nq),
    }
    missing = () if loop is not None else ("a C compiler",)
    for name, (program, run) in others.items():
        if shutil.which(program) is None:
            missing = (*missing, program)
        else:
            ways[name] = run
    return ways, missing


def compiled_loop(folder: Path) -> Path | None:
    """Compile the loop in C; return None if there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    loop = folder / "spawn_loop"
    source = Path(__file__).with_name("spawn_loop.c")
    subprocess.run([compiler, "-O2", "-o", loop, source], check=True)
    return loop


def thread_pool(command: str, jobs: int, slots: int) -> float:
    """Run a command many times on threads; return the seconds."""

    def run(_: int) -> None:
        subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, check=True)

    begun = time.perf_counter()
    with ThreadPoolExecutor(slots) as pool:
        list(pool.map(run, range(jobs)))
    return time.perf_counter() - begun


def timed_script(script: str) -> float:
    """Run a script with bash; return the seconds."""
    return timed(["bash", "-c", script])


def timed(
    argv: list[str], given: str = "", variables: Mapping[str, str] | None = None
) -> float:
    """Run a program; return the seconds.

    Args:
        argv: The program and its arguments.
        given: Its standard input.
        variables: Its environment; None for that of this program.
    """
    begun = time.perf_counter()
    subprocess.run(
        argv,
        input=given,
        env=variables,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begun
