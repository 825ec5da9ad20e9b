"""Verbs whose standard streams are closed, full or read by nobody."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from host_care import HostCare

_FULL: Final = "backburner: can't use standard output: No space left on device\n"
_VERBS: Final = (
    "add -- true",
    "status",
    "completions bash",
    "--version",
    "show 1",
    "log 1",
    "export",
)


def _run(state: Path, verb: str, streams: str) -> subprocess.CompletedProcess[str]:
    place = "" if verb in {"completions bash", "--version"} else f"--state-dir {state}"
    name, _, rest = verb.partition(" ")
    command = f"{sys.executable} -m backburner {name} {place} {rest} {streams}"
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.fixture
def state(tmp_path: Path, care: HostCare) -> Path:
    """Return where a session is that has a host and one task."""
    del care
    state = tmp_path / "state"
    assert _run(state, "run -- echo printed", "").returncode == 0
    return state


@pytest.mark.parametrize("verb", _VERBS)
def test_closed_ones_change_nothing(state: Path, verb: str) -> None:
    for closed in (">&-", "<&-", "2>&-", "<&- >&- 2>&-"):
        done = _run(state, verb, closed)
        assert (done.returncode, done.stderr) == (0, "")
    assert "Traceback" not in (state / "main" / "host.log").read_text()


@pytest.mark.parametrize("verb", _VERBS)
def test_a_full_disk_is_one_line(state: Path, verb: str) -> None:
    done = _run(state, verb, "> /dev/full")
    assert done.returncode == 1
    assert done.stderr == _FULL


@pytest.mark.parametrize("verb", _VERBS)
def test_one_that_nobody_reads_says_nothing(state: Path, verb: str) -> None:
    done = _run(state, verb, "| true; exit ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert done.returncode in {0, 1}  # it may have been read just before
