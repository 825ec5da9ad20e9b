"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from conditions import until
from forked_program import ForkedProgram
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

pytest_plugins = ["backburner.actors.testing.plugin"]

# `make test` draws the same examples in each run, so a failure is due to the change.
# `make soak` draws new ones, and finds unexpected cases.
_SOAK: Final = os.environ.get("BACKBURNER_SOAK", "") not in {"", "0"}

# A deadline per example would fail on a busy machine, whatever the code.
settings.register_profile("backburner", deadline=None, derandomize=not _SOAK)
settings.load_profile("backburner")

# Set before pytest-xdist starts its workers: they inherit the seed.
os.environ["BACKBURNER_SEED"] = str(
    int(os.environ.get("BACKBURNER_SEED", "0"))
    or (random.SystemRandom().randrange(1, 1 << 32) if _SOAK else 1)
)

# A shell starts background jobs with SIGINT and SIGQUIT ignored, and `nohup` ignores
# SIGHUP. Child processes of the tests would inherit this. Python itself ignores two
# signals.
for _number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
    if signal.getsignal(_number) is signal.SIG_IGN:
        _handler = signal.SIG_DFL
        if _number == signal.SIGINT:
            _handler = signal.default_int_handler
        signal.signal(_number, _handler)

# An ended run ends its hosts and terminals, as after Ctrl+C. Workers of pytest-xdist do
# so when the main process is gone.
if "PYTEST_XDIST_WORKER" not in os.environ:
    signal.signal(signal.SIGTERM, signal.default_int_handler)

_FIGURES: Final = pytest.StashKey[list[str]]()


def pytest_report_header() -> str:
    """Print the seed of all random choices; it repeats a run."""
    return f"BACKBURNER_SEED={os.environ['BACKBURNER_SEED']}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exclude the modules and thousands of tests from garbage collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def forked_program() -> ForkedProgram:
    """Return a runner of the command line that doesn't load the program each time."""
    return ForkedProgram()


def _running_in(folder: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in psutil.pids():
        # An ended process has no directory. psutil would read far more than that.
        with contextlib.suppress(psutil.Error, OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(folder):  # noqa: PTH115 - quick
                found.append(psutil.Process(pid))
    return found


@pytest.fixture
def lair(tmp_path: Path) -> Iterator[Path]:
    """Return a folder; processes started in it are killed at the end.

    A process keeps its working folder even if it has left its group, session,
    parent and environment.
    """
    yield tmp_path

    def killed() -> bool:
        left = _running_in(tmp_path)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return not left

    until(killed)
    assert os.getcwd() != str(tmp_path)  # noqa: PTH109 - or this would have been killed


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that adds a line of figures to the end of the run."""
    figures = request.config.stash.setdefault(_FIGURES, [])

    def report(text: str) -> None:
        figures.append(f"{request.node.name}: {text}")

    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures, and the seed of the random moments."""
    figures = config.stash.setdefault(_FIGURES, [])
    if figures:
        terminalreporter.section(f"fault figures ({pytest_report_header()})")
        for line in figures:
            terminalreporter.write_line(line)
