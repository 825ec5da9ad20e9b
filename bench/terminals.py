"""Tasks with a terminal: the speed of output, and the delay of an echoed key."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from backburner.actors import TaskEvent, Terms

from .figures import Figure, Report, median
from .keyboard import echoes, typing
from .output import WRITER
from .start import environment, program
from .systems import running

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 3
READY = "ready"


def measure(folder: Path) -> Report:
    """Measure the speed of a writer beside `script`, and the echo of keys."""
    speed = (_speed(folder),) if shutil.which("script") else ()
    return Report(figures=(*speed, _echo(folder)))


def _speed(folder: Path) -> Figure:
    file = folder / "script.log"
    ours: list[float] = []
    theirs: list[float] = []
    with running(folder / "terminal", output_limit=1 << 40) as watched:
        for number in range(2 * ROUNDS):
            # A program that writes just after another one has to wait for the disk.
            if number % 4 in {0, 3}:
                begun = time.perf_counter()
                subprocess.run(
                    ["script", "-qec", WRITER, str(file)],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
                theirs.append(time.perf_counter() - begun)
                file.unlink()
            else:
                begun = time.perf_counter()
                watched.tell("bash", WRITER, terms=Terms(input="terminal"))
                watched.wait_for(TaskEvent.COMPLETE)
                ours.append(time.perf_counter() - begun)
                watched.system.forget_finished()
            os.sync()
    speed = median(theirs) / median(ours)
    return Figure(
        "one task writing 1 GB to its terminal",
        "0.5 x the speed of `script`",
        f"{speed:.2f} x ({median(ours):.2f} s and {median(theirs):.2f} s)",
        speed >= 0.5,
    )


def _echo(folder: Path) -> Figure:
    where = ["--state-dir", str(folder / "attach")]
    job = f"stty raw -echo; printf {READY}; exec cat"

    def call(*words: str) -> None:
        subprocess.run(
            [program(), *words],
            check=True,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    call("add", *where, "--pty", "--", job)
    try:
        with typing([program(), "attach", *where, "1"], folder) as keyboard:
            keyboard.wait_for(READY)
            return echoes("from key to echo by `cat` in `backburner attach`", keyboard)
    finally:
        call("end", *where)
