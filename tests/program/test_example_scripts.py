"""The scripts under docs/examples, run by the real program on a real project."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import run_program

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run_script(script: Path, *options: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    with script.open() as lines:
        return run_program(
            BIN / "backburner",
            *options,
            stdin=lines,
            cwd=ROOT,
            env={**os.environ, "PATH": path},
        )


def test_a_project_is_built_tested_and_linted_at_once(tmp_path: Path) -> None:
    script = ROOT / "docs/examples/check-project.chat"

    done = run_script(script, "--json", "--state-dir", str(tmp_path))

    events: list[dict[str, Any]] = [
        json.loads(line) for line in done.stdout.splitlines()
    ]
    last = {e["task"]["description"]: e for e in events if "task" in e}
    outcomes = {name: (e["event"], e["task"]["exit_code"]) for name, e in last.items()}
    assert outcomes == {
        "Build": ("complete", 0),
        "Tests": ("complete", 0),
        "Lint": ("complete", 0),
        "Watch the clock": ("canceled", None),
    }, done.stdout
    assert done.returncode == 1  # one task was canceled
    assert "no complaints" in Path(last["Lint"]["task"]["output_path"]).read_text()
    started = [e["seq"] for e in events if e["event"] == "running"]
    finished = [e["seq"] for e in events if e["event"] in {"complete", "failed"}]
    assert max(started) < min(finished)
    (listed,) = [e for e in events if e["event"] == "tasks"]
    counts = listed["counts"]
    assert (counts["complete"], counts["running"], counts["queued"]) == (3, 0, 0)
