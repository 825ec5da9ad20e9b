"""Verbs with closed or full standard streams, and broken pipes."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Final

import pytest
from programs import run_program

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
    """Return the state directory of a session with a host and one task."""
    assert shell("run", "--", "echo", "printed").returncode == 0
    return shell.state


# The verbs of a test share a host. For a closed stream a new Python is started, because
# it opens its streams before it loads the program.
@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(state: Path, closed: str) -> None:
    for verb in _VERBS:
        command = shlex.join([sys.executable, "-m", "backburner", *_words(state, verb)])
        done = run_program("bash", "-c", f"{command} {closed}")
        assert (verb, done.returncode, done.stderr) == (verb, 0, "")
    assert "Traceback" not in (state / "main" / "host.log").read_text()


def test_a_full_disk_gives_one_line(state: Path, forked_program: ForkedProgram) -> None:
    for verb in _VERBS:
        with open("/dev/full", "wb") as full:  # noqa: PTH123 - no path of a file
            done = forked_program(*_words(state, verb), stdout=full.fileno())
        error = f"{_CANT}No space left on device{_DONE.get(verb, '')}\n"
        assert (verb, done.returncode, done.stderr) == (verb, 1, error)


@pytest.mark.parametrize(
    "words", ["add --help", "help add", "mcp --help", "--plain --help", "--help"]
)
def test_a_help_that_can_not_be_written_gives_one_line(
    words: str, forked_program: ForkedProgram
) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - no path of a file
        done = forked_program(*words.split(), stdout=full.fileno())
    assert (done.returncode, done.stderr) == (1, f"{_CANT}No space left on device\n")


def test_a_broken_pipe_reports_only_changes(
    state: Path, forked_program: ForkedProgram
) -> None:
    for verb in _VERBS:
        reader, stdout = os.pipe()
        os.close(reader)
        done = forked_program(*_words(state, verb), stdout=stdout)
        os.close(stdout)
        error = f"{_CANT}Broken pipe{_DONE[verb]}\n" if verb in _DONE else ""
        assert (verb, done.returncode, done.stderr) == (verb, 1, error)
