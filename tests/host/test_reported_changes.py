"""Verbs report their changes even if their output fails or a part is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.host.sessions import Shell

_FULL = "can't use standard output: No space left on device; done nevertheless: "


def _without_room(shell: Shell, verb: str, *words: str) -> str:
    """Run a verb with a full standard output; return its stderr."""
    with Path("/dev/full").open("wb") as full:
        done = shell(verb, *words, stdout=full.fileno())
    assert done.returncode == 1
    return done.stderr.removeprefix("backburner: ").removesuffix("\n")


@pytest.mark.parametrize(
    ("verb", "report"),
    [
        (("add", "--", "true"), "added #2"),
        (("add", "-p", "--stash", "--", "true"), "added #2"),
        (("add", "--json", "--each", "1..3", "--", "echo {}"), "added #2 to #4"),
        (("move", "1", "last"), "#1 held"),
        (("cancel", "1", "--json"), "#1 canceled by you"),
        (("parallel", "3"), "up to 3 tasks run at a time"),
        (("group", "b", "--parallel", "2"), "group b: 2 at a time"),
        (("clean",), "forgot 0 finished tasks"),
        (("end",), "session main ended"),
    ],
)
def test_changes_are_reported_on_stderr_if_stdout_is_full(
    shell: Shell, verb: tuple[str, ...], report: str
) -> None:
    shell("add", "--stash", "--", "true")
    assert _without_room(shell, *verb) == f"{_FULL}{report}"


@pytest.mark.parametrize("then", ["exec sleep 600", "true"])
def test_an_added_task_is_named_if_its_output_cannot_be_shown(
    shell: Shell, then: str
) -> None:
    error = _without_room(shell, "run", "--", f"echo out; {then}")
    # The message doesn't say that the task keeps running: it may have ended.
    see = f"backburner log -f 1 --state-dir {shell.state}"
    assert error == f"{_FULL}added #1; see: {see}"
    assert "#1" in shell("status").stdout


def test_a_refused_id_does_not_affect_the_others(shell: Shell) -> None:
    for _ in range(3):
        shell("add", "--stash", "--", "true")
    every = ("add", "--every", "1h", "--", "true")
    assert (shell(*every).returncode, shell(*every).returncode) == (0, 0)
    for verb, report in (
        ("stash", "#1 held\n#2 held\n"),
        ("rerun", "added #4\nadded #5\n"),
        ("unschedule", "removed schedule 1: "),
        ("cancel", "#1 canceled by you\n#2 canceled by you\n"),
    ):
        done = shell(verb, "1", "99", "2")
        assert done.returncode == 1
        assert done.stdout.startswith(report)
        unknown = "no schedule 99; `" if verb == "unschedule" else "no task 99; `"
        assert done.stderr.startswith(f"backburner: {unknown}")
    assert shell("schedules").stdout == "No schedules.\n"


def test_a_signal_is_sent_to_all_known_tasks(shell: Shell) -> None:
    for _ in range(2):
        shell("add", "--", "exec sleep 600")
    done = shell("kill", "1", "99", "2")
    assert (done.returncode, done.stdout) == (
        1,
        "sent SIGKILL to #1\nsent SIGKILL to #2\n",
    )
    assert done.stderr.startswith("backburner: no task 99; ")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("printf '\\377' > \"$1\"", "the text is not valid UTF-8"),
        ('echo > "$1"', "the command is empty"),
        ("exit 3", "EDITOR ended with exit status 3"),
        ("", "can't start EDITOR: Exec format error"),
    ],
)
def test_a_task_that_the_editor_did_not_change_is_unchanged(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n" if script else "\0")
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    shell("add", "--stash", "--", "echo one")
    done = shell("edit", "1")
    reason = why.replace("EDITOR", str(editor))
    assert done.stderr == f"backburner: {reason}; the task stays as it was\n"
    assert done.returncode == 1
