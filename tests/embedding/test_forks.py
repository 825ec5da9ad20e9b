"""A process that is forked while a task system runs leaves it to its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

HOST = Path(__file__).with_name("forking_host.py")


@pytest.mark.parametrize(
    "way",
    [
        "leaves the block",
        "calls everything",
        "uses another",
        "lives on",
        "leaves the block of a client",
        "calls everything of a client",
    ],
)
def test_a_forked_child_does_not_affect_its_parent(way: str, tmp_path: Path) -> None:
    host = subprocess.run(
        [sys.executable, HOST, way, tmp_path / "session"],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert host.stderr == ""
    assert host.returncode == 0
