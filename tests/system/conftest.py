"""Fixtures shared by the tests with real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
from process_ends import pid_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@pytest.fixture(scope="session")
def alive() -> Callable[[Iterable[int]], list[int]]:
    """Return a function that selects the running ones of some processes."""
    return lambda pids: [pid for pid in pids if pid_runs(pid)]


@pytest.fixture
def pids_in(tmp_path: Path) -> Callable[[str], list[int]]:
    """Return a function that reads the process ids in a file."""

    def read(name: str) -> list[int]:
        file = tmp_path / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    return read


@pytest.fixture
def open_files() -> Callable[[], int]:
    """Return a function that counts the open descriptors of this process."""
    return psutil.Process().num_fds
