"""`backburner log --all --grep`, with a real host."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def _program(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    verb, *others = arguments
    where = ("--state-dir", str(tmp_path / "state"))
    return subprocess.run(
        [sys.executable, "-m", "backburner", verb, *where, *others],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_all_outputs_are_searched(tmp_path: Path) -> None:
    try:
        _program(tmp_path, "add", "echo one; printf 'a needle \\033]0;x\\007here'")
        # A line across parts, and one that is longer than any part.
        _program(
            tmp_path,
            "add",
            "yes hay | head -c 1048570; echo needle 2;"
            " head -c 3000000 /dev/zero | tr '\\0' x; echo needle 3",
        )
        _program(tmp_path, "add", "echo nothing")
        _program(tmp_path, "wait")
        found = _program(tmp_path, "log", "--all", "--grep", "needle")
        assert found.returncode == 0
        first, second, third = found.stdout.splitlines()
        assert first == "#1: a needle here"
        assert second.startswith("#2: ")
        assert second.endswith("needle 2")
        assert third.startswith("#2: xxx")
        by_pattern = _program(tmp_path, "log", "--all", "--grep", "^no.hing$")
        assert by_pattern.stdout == "#3: nothing\n"
        assert _program(tmp_path, "log", "--all", "--grep", "absent").returncode == 1
        for wrong in (("--all",), ("--all", "--grep", "("), ("--all", "1")):
            refused = _program(tmp_path, "log", *wrong)
            assert refused.returncode == 2
            assert len(refused.stderr.splitlines()) == 1
    finally:
        _program(tmp_path, "end")
