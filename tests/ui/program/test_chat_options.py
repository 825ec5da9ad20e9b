"""The options of the chat, and the command that opens it again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.chat_options import command_again, make_parser

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("started_as", "has", "again"),
    [
        (".venv/bin/backburner", False, ".venv/bin/backburner --session work"),
        (".venv/bin/backburner", True, "backburner --session work"),
        ("/usr/bin/backburner", True, "backburner --session work"),
        ("/lib/backburner/__main__.py", False, "backburner --session work"),
    ],
)
def test_the_command_that_reopens_the_chat_is_found_by_the_shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started_as: str,
    has: bool,  # noqa: FBT001 - a parameter of the test
    again: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [started_as])
    if has:
        (tmp_path / "backburner").touch(0o755)
    assert command_again(make_parser().parse_args(["--session", "work"])) == again
