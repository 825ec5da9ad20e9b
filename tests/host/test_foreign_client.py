"""A client outside this project speaks the protocol."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from programs import run_program

if TYPE_CHECKING:
    from backburner.actors.host.remote import RemoteSystem

CLIENT = Path(__file__).with_name("foreign_client.py")
LONGEST = 60


def test_a_client_of_sixty_lines_adds_a_task_and_receives_its_end(
    session: RemoteSystem, tmp_path: Path
) -> None:
    done = run_program(
        sys.executable,
        "-I",
        "-S",
        CLIENT,
        session.welcome.directory,
        'pwd > here; echo "$HOME" >> here; exit 3',
        cwd=tmp_path,
        env={**os.environ, "PWD": str(tmp_path)},
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("queued 1 ")
    assert lines[1] == "running 1 running"
    assert lines[-1] == "failed 1 exit status 3"
    assert (tmp_path / "here").read_text().splitlines()[0] == str(tmp_path)


def test_the_client_is_short_and_does_not_import_backburner() -> None:
    text = CLIENT.read_text()
    assert len(text.splitlines()) <= LONGEST
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [it.name for it in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        assert all(it.partition(".")[0] in sys.stdlib_module_names for it in names)
