"""Fixtures for pytest.

The plugin is not registered automatically, so that it costs nothing if it isn't used.
Name it in your top-level `conftest.py`:

    pytest_plugins = ["backburner.actors.testing.plugin"]
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from ..system import TaskSystem
from .leaks import no_leaks, running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@pytest.fixture
def task_system() -> Generator[TaskSystem, None, None]:
    """Provide a running system with default settings; check that nothing is left.

    Raises:
        AssertionError: At teardown, if an actor, a thread, a child process or a dead
            letter is left.
    """
    with running(TaskSystem()) as system:
        yield system


@pytest.fixture
def run_system() -> Generator[Callable[[TaskSystem], TaskSystem], None, None]:
    """Provide a function that starts a given system; otherwise like `task_system`.

    Several systems are stopped in the reverse order of their start.
    """
    systems: list[TaskSystem] = []
    with no_leaks(systems), contextlib.ExitStack() as running_ones:

        def start(system: TaskSystem) -> TaskSystem:
            systems.append(system)
            return running_ones.enter_context(system)

        yield start
