"""Fixtures of the fault tests: the long form and the random seed."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults.program import SOAK

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED: Final = int(os.environ["BACKBURNER_SEED"])  # drawn in tests/conftest.py
_SOAK_TIMEOUT: Final = 900


@pytest.fixture(scope="session")
def soak() -> bool:
    """Return whether the long form of the tests was requested."""
    return SOAK


@pytest.fixture
def chance() -> random.Random:
    """Return a source of random numbers; `BACKBURNER_SEED` repeats a run."""
    return random.Random(SEED)  # noqa: S311 - chooses moments, keeps no secrets


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a file system with room for one MiB.

    Not in the folder of the test: pytest can't delete what is still mounted, and every
    later run would end with that error after a run that was killed.
    """
    with tempfile.TemporaryDirectory(prefix="backburner-test-") as mount:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk of one's own here: {done.stderr.decode().strip()}")
        yield Path(mount)
        subprocess.run(["umount", "--lazy", mount], check=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long form its longer timeout."""
    for item in items:
        if SOAK and {"faults", "keeper", "security"} & {*item.path.parts}:
            item.add_marker(pytest.mark.timeout(_SOAK_TIMEOUT))
