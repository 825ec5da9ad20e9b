"""`make run`, as the README has it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.prefix) / ".installed"


@pytest.mark.skipif(not INSTALLED.exists(), reason="in the environment of the Makefile")
def test_a_job_hears_nothing_of_the_make_that_started_the_program(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [
            *("make", "run", "-o", INSTALLED, f"VENV={sys.prefix}"),
            f"ARGS=--session work --state-dir {tmp_path}",
        ],
        input="!env\n/wait\n/output last\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "BACKBURNER_TASK=" in done.stdout
    assert not re.findall(r"(?m)^\W*(?:MAKE|MFLAGS|ARGS)\w*=.*", done.stdout)
    assert (tmp_path / "work").is_dir()
