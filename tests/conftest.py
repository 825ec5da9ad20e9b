"""What tests of every part share."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
from typing import TYPE_CHECKING, Final

import conditions
import psutil
import pytest
from forked_program import ForkedProgram
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

pytest_plugins = ["backburner.actors.testing.plugin"]

# `make test` draws the same in each run: whether it fails depends on the change alone.
# `make soak` draws anew, and finds what nobody thought of.
_SOAK: Final = os.environ.get("BACKBURNER_SOAK", "") not in {"", "0"}

# A deadline for each example would fail on a busy machine, and say nothing of the code.
settings.register_profile("backburner", deadline=None, derandomize=not _SOAK)
settings.load_profile("backburner")

# Before the workers of pytest-xdist are started: they inherit it, and draw the same.
os.environ["BACKBURNER_SEED"] = str(
    int(os.environ.get("BACKBURNER_SEED", "0"))
    or (random.SystemRandom().randrange(1, 1 << 32) if _SOAK else 1)
)

# A shell starts with SIGINT and SIGQUIT ignored what it puts into the background, and
# `nohup` SIGHUP. What the tests start would ignore them too. Python ignores two itself.
for _number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
    if signal.getsignal(_number) is signal.SIG_IGN:
        _handler = signal.SIG_DFL
        if _number == signal.SIGINT:
            _handler = signal.default_int_handler
        signal.signal(_number, _handler)

_FIGURES: Final = pytest.StashKey[list[str]]()


def pytest_report_header() -> str:
    """Show the seed of everything that is drawn by chance; it repeats a run."""
    return f"BACKBURNER_SEED={os.environ['BACKBURNER_SEED']}"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search for no garbage among what stays: the modules and thousands of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds, for what sends no message: processes, files."""
    return conditions.until


@pytest.fixture(scope="session")
def forked_program() -> ForkedProgram:
    """Return what runs the command line without loading it each time."""
    return ForkedProgram()


def _running_in(folder: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in psutil.pids():
        # One that has ended has no folder. psutil would look at far more than that.
        with contextlib.suppress(psutil.Error, OSError):
            if os.readlink(f"/proc/{pid}/cwd") == str(folder):  # noqa: PTH115 - quick
                found.append(psutil.Process(pid))
    return found


@pytest.fixture
def lair(tmp_path: Path, until: Callable[[Callable[[], bool]], None]) -> Iterator[Path]:
    """Return a folder; each process that was started in it is killed at the end.

    Its working folder is what even a process keeps that has left its group, session,
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
    """Return what adds a line of figures to the end of the run."""
    figures = request.config.stash.setdefault(_FIGURES, [])

    def report(text: str) -> None:
        figures.append(f"{request.node.name}: {text}")

    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the figures, and the seed that chose the moments."""
    figures = config.stash.setdefault(_FIGURES, [])
    if figures:
        terminalreporter.section(f"fault figures ({pytest_report_header()})")
        for line in figures:
            terminalreporter.write_line(line)
