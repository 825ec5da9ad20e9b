"""The cost of a frame of the chat: CPU time, and bytes sent to the terminal."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import time
from typing import TYPE_CHECKING

from backburner.ui.terminal.screen import Screen
from backburner.ui.terminal.terminal import Terminal
from chat_driver import ChatDriver, queued, running

from .figures import Figure, Report, median

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS, ROWS = 200, 60
TASKS = 10_000
CHANGED = 6
FRAMES = 200


def measure(folder: Path) -> Report:
    """Measure frames in which a few rows change, on a real pseudo-terminal."""
    del folder
    driver = ChatDriver(COLUMNS, ROWS)
    for task_id in range(1, TASKS + 1):
        if task_id <= CHANGED:
            driver.news(running(task_id, "Run tests", progress=task_id))
        else:
            driver.news(queued(task_id, "Deploy"))
    for number in range(100):
        driver.enter(f"note {number}")
    master, slave = open_pty()
    terminal = Terminal(input_fd=slave, output_fd=slave)
    terminal.learn()
    terminal.enter()
    screen = Screen(terminal)
    screen.paint(driver.frame(), driver.state.size)
    drain(master)
    costs: list[float] = []
    sizes: list[int] = []
    for frame in range(FRAMES):
        for task_id in range(1, CHANGED + 1):
            line = f"collected {frame + 800} items"
            percent = (frame + task_id) % 100
            driver.news(running(task_id, "Run tests", progress=percent, last_line=line))
        driver.now += 0.1
        begun = time.process_time()
        screen.paint(driver.frame(), driver.state.size)
        costs.append((time.process_time() - begun) * 1000)
        sizes.append(drain(master))
    terminal.close()
    os.close(master)
    os.close(slave)
    what = f"a frame at {COLUMNS}x{ROWS}, {TASKS:,} tasks, {CHANGED} rows change"
    cost, size = median(costs), median(sizes)
    return Report(
        figures=(
            Figure(f"{what}: CPU time", "1 ms", f"median {cost:.2f} ms", cost < 1),
            Figure(
                f"{what}: bytes", "2 kB", f"median {size / 1000:.2f} kB", size < 2000
            ),
        )
    )


def open_pty(columns: int = COLUMNS, rows: int = ROWS) -> tuple[int, int]:
    """Return both ends of a new pseudo-terminal of this size."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    size = struct.pack("HHHH", rows, columns, 0, 0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, size)
    return master, slave


def drain(master: int) -> int:
    """Read all output of a terminal; return its length in bytes."""
    size = 0
    try:
        while part := os.read(master, 1 << 16):
            size += len(part)
    except BlockingIOError:
        pass
    return size
