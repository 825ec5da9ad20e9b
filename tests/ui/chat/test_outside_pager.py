"""The output of a task in the user's pager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from pathlib import Path

PAGER = """#!/bin/sh
echo "pager: $(tail -1 "$1")"
read line
exit "$line"
"""


def test_ctrl_o_opens_the_output_in_the_pager(tmp_path: Path) -> None:
    pager = tmp_path / "my pager"
    pager.write_text(PAGER)
    pager.chmod(0o700)
    environ = {"PAGER": f"'{pager}'"}
    with PtySession(chat_command(tmp_path / "state"), environ=environ) as chat:
        chat.wait("A note to yourself")
        chat.send("!seq 300\r")
        chat.wait("#1 complete")
        chat.send("/show 1\r")
        chat.wait("Esc back")
        for status, text in (("0", "Esc back"), ("3", "ended with exit status 3")):
            chat.send("\x0f")
            chat.wait("pager: 300")
            chat.send(f"{status}\n")
            chat.wait(text, "#1 complete", "output")
            chat.wait_gone("pager: 300")


def test_a_missing_pager_is_named(tmp_path: Path) -> None:
    environ = {"PAGER": "no-such-pager"}
    with PtySession(chat_command(tmp_path / "state"), environ=environ) as chat:
        chat.wait("A note to yourself")
        chat.send("!true\r")
        chat.wait("#1 complete")
        chat.send("/show 1\r")
        chat.wait("Esc back")
        chat.send("\x0f")
        chat.wait("can't start no-such-pager")
