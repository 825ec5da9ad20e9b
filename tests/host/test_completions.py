"""Completion by Tab in the installed shells."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.verbs import VERBS
from programs import run_program
from pty_session import PtySession

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from host_care import HostCare

COMPLETED = {
    "": {*VERBS},
    "mcp --na": {"--name"},
    "can": {"cancel"},
    "log --gr": {"--grep"},
    "--pla": {"--plain"},
    "host st": {"start", "status", "stop"},
    "kill --signal TE": {"TERM"},
    "show ": {"1", "2"},
    "cancel ": {"1"},
    "kill 1 ": {"1"},
    "rerun 2 ": {"1", "2"},
    "add --after ": {"1", "2"},
    "status --session ": {"main", "work"},
    "add -g ": {"builds"},
    "group ": {"builds"},
    "add -- ec": {"echo"},
    "run --timeout 5m -- ec": {"echo"},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment of a session where #1 is running and #2 has ended."""
    from host_care import HostCare  # noqa: PLC0415 - of this module alone

    home = tmp_path_factory.mktemp("home")
    tools = home / "bin"
    tools.mkdir()
    program = tools / "backburner"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m backburner "$@"\n')
    program.chmod(0o755)
    (home / "only").mkdir()
    (home / "only" / "echo").symlink_to("/bin/echo")
    with HostCare() as care:
        environ = {
            **os.environ,
            **care.environ,
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "PATH": f"{tools}:{os.environ['PATH']}",
        }
        environ.pop("BACKBURNER_SESSION", None)
        for words in (
            "add -l 'First: one' -- exec sleep 600",
            "add -- true",
            "wait 2",
            "group builds --parallel 2",
        ):
            done = _run(["backburner", *shlex.split(words)], environ)
            assert done.returncode == 0, done.stderr
        (home / "state" / "backburner" / "work").mkdir()
        (home / "state" / "backburner" / "work" / "session.db").touch()
        yield environ


def _run(
    command: list[str], environ: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return run_program(*command, env=environ, cwd=environ["HOME"])


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


def _wrong_completions(output: str) -> dict[str, set[str]]:
    """Return the wrong completions by line."""
    pieces = [it.splitlines() for it in output.split("\f")[:-1]]
    found = [{row.split("\t")[0] for row in rows if row} for rows in pieces]
    return {
        line: words
        for line, words in zip(COMPLETED, found, strict=True)
        if not (
            words >= COMPLETED[line]
            if line.endswith("ec")
            else words == COMPLETED[line]
        )
    }


def test_bash_completes(home: dict[str, str]) -> None:
    need("bash")
    program = (
        "source <(backburner completions bash);"
        ' fill_in() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=();'
        " _shtab_backburner; printf '%s\\n' \"${COMPREPLY[@]}\" $'\\f'; };"
    )
    for line in COMPLETED:
        program += f" fill_in {shlex.join(['backburner', *line.split(' ')])};"
    done = _run(["bash", "-c", program], home)
    assert (_wrong_completions(done.stdout), done.stderr) == ({}, "")


def test_fish_completes(home: dict[str, str]) -> None:
    need("fish")
    program = "backburner completions fish | source;" + "".join(
        f" complete -C 'backburner {line}'; printf '\\f';" for line in COMPLETED
    )
    done = _run(["fish", "--no-config", "-c", program], home)
    assert (_wrong_completions(done.stdout), done.stderr) == ({}, "")


def test_fish_shows_the_descriptions_of_tasks(home: dict[str, str]) -> None:
    need("fish")
    program = "backburner completions fish | source; complete -C 'backburner cancel '"
    done = _run(["fish", "--no-config", "-c", program], home)
    assert done.stdout == "1\tFirst: one\n"


def test_zsh_completes(home: dict[str, str]) -> None:
    need("zsh")
    folder = Path(home["HOME"]) / "functions"
    folder.mkdir()
    script = _run(["backburner", "completions", "zsh"], home).stdout
    (folder / "_backburner").write_text(script)
    with PtySession(
        ["zsh", "-f", "-i"], environ={**home, "PS1": "> "}, cwd=Path(home["HOME"])
    ) as zsh:
        zsh.send(f"fpath=({folder} $fpath); autoload -U compinit; compinit -u -D\n")
        zsh.send("LISTMAX=999; zstyle ':completion:*' menu no; echo rea''dy\n")
        zsh.wait("\nready")
        # A single candidate is inserted, and the cursor stands behind it.
        for typed, filled in (
            ("can", "backburner cancel"),
            ("cancel ", "backburner cancel 1"),
            ("kill 1 ", "backburner kill 1 1"),
            ("log --gr", "backburner log --grep"),
            ("add -g ", "backburner add -g builds"),
            ("add -- make -w /tm", "backburner add -- make -w /tmp"),
        ):
            zsh.send(f"backburner {typed}\t")
            zsh.wait(f"> {filled}")
            zsh.send("\x15")  # deletes the line
        zsh.send("backburner show \t")
        zsh.wait("First: one", "true")
        zsh.send("\x15backburner status --session \t")
        zsh.wait("main", "work")
        zsh.send("\x15backburner host st\t")
        zsh.wait("> backburner host st", "start ", "status ", "stop")


def test_zsh_accepts_the_script_from_eval(home: dict[str, str]) -> None:
    need("zsh")
    with PtySession(
        ["zsh", "-f", "-i"], environ={**home, "PS1": "> "}, cwd=Path(home["HOME"])
    ) as zsh:
        zsh.send("autoload -U compinit; compinit -u -D\n")
        zsh.send("eval \"$(backburner completions zsh)\"; echo rea''dy\n")
        zsh.wait("\nready")
        zsh.send("backburner cance\t")
        zsh.wait("> backburner cancel")


def test_completion_without_a_host_offers_no_values(
    home: dict[str, str], care: HostCare
) -> None:
    command = ["backburner", "completions", "--list"]
    empty = {**home, **care.environ, "XDG_STATE_HOME": f"{home['HOME']}/nothing"}
    for kind in ("tasks", "groups", "sessions", "nonsense"):
        done = _run([*command, kind, "backburner", "show"], empty)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert care.hosts() == []
    elsewhere = _run(
        [*command, "tasks", "show", "--state-dir", f"{home['HOME']}/state/backburner"],
        empty,
    )
    assert elsewhere.stdout.splitlines() == ["2\ttrue", "1\tFirst: one"]


def test_a_shell_without_a_script_is_named(home: dict[str, str]) -> None:
    done = _run(["backburner", "completions", "tcsh"], home)
    assert done.returncode == 2
    assert "bash" in done.stderr
    assert "zsh" in done.stderr


def test_the_options_of_a_session_may_stand_before_completions(
    home: dict[str, str], tmp_path: Path
) -> None:
    command = ["backburner", "--state-dir", str(tmp_path), "completions", "bash"]
    done = _run(command, home)
    assert done.stdout == _run([command[0], *command[3:]], home).stdout
    assert done.returncode == 0
