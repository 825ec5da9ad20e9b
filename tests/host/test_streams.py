"""Verbs whose standard streams are closed, full or read by nobody."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from forked_program import ForkedProgram

    from tests.host.sessions import Shell

_CANT: Final = "backburner: can't use standard output: "
_VERBS: Final = (
    "add -- true",
    "status",
    "completions bash",
    "--version",
    "show 1",
    "log 1",
    "export",
)
_DONE: Final = {"add -- true": "; done nevertheless: added #2"}


def _words(state: Path, verb: str) -> list[str]:
    name, *rest = verb.split()
    place = [] if name in {"completions", "--version"} else ["--state-dir", str(state)]
    return [name, *place, *rest]


@pytest.fixture
def state(shell: Shell) -> Path:
    """Return where a session is that has a host and one task."""
    assert shell("run", "--", "echo", "printed").returncode == 0
    return shell.state


@pytest.mark.parametrize("verb", _VERBS)
def test_closed_ones_change_nothing(state: Path, verb: str) -> None:
    # Python is started: it opens its streams before any of this program is loaded.
    command = shlex.join([sys.executable, "-m", "backburner", *_words(state, verb)])
    for closed in (">&-", "<&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["bash", "-c", f"{command} {closed}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert "Traceback" not in (state / "main" / "host.log").read_text()


@pytest.mark.parametrize("verb", _VERBS)
def test_a_full_disk_is_one_line(
    state: Path, verb: str, forked_program: ForkedProgram
) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - no path of a file
        done = forked_program(*_words(state, verb), stdout=full.fileno())
    assert done.returncode == 1
    done_so_far = _DONE.get(verb, "")
    assert done.stderr == f"{_CANT}No space left on device{done_so_far}\n"


@pytest.mark.parametrize("verb", _VERBS)
def test_one_that_nobody_reads_says_only_what_it_changed(
    state: Path, verb: str, forked_program: ForkedProgram
) -> None:
    nobody, stdout = os.pipe()
    os.close(nobody)
    done = forked_program(*_words(state, verb), stdout=stdout)
    os.close(stdout)
    said = f"{_CANT}Broken pipe{_DONE[verb]}\n" if verb in _DONE else ""
    assert (done.returncode, done.stderr) == (1, said)
