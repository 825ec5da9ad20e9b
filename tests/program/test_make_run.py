"""`make run`, as in the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

ROOT = Path(__file__).parents[2]
_OF_MAKE = re.compile(r"MAKE|MFLAGS|ARGS|VENV=")
RUNS = Path(sys.prefix) / ".runs"
"""The file that records the installation of the program for `make`."""


@pytest.mark.skipif(not RUNS.exists(), reason="in the environment of the Makefile")
def test_a_job_inherits_no_variables_of_make(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            # An installation would replace the modules under concurrent tests.
            *("make", "run", "-o", RUNS, f"VENV={sys.prefix}"),
            f"ARGS=--session work --state-dir {tmp_path}",
        ],
        input="!env\n/wait\n/output last\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not _OF_MAKE.match(k)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "BACKBURNER_TASK=" in done.stdout
    variables = [line.strip() for line in done.stdout.splitlines()]
    assert not [it for it in variables if _OF_MAKE.match(it)]
    assert (tmp_path / "work").is_dir()
