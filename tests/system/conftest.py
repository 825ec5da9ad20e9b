"""Fixtures shared by the tests with real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def pids_in(tmp_path: Path) -> Callable[[str], list[int]]:
    """Return a function that reads the process ids in a file."""

    def read(name: str) -> list[int]:
        file = tmp_path / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    return read
