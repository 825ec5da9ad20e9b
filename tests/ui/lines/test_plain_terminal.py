"""Line mode on a terminal that can't draw: somebody types, and reads."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from patience import PATIENCE
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from pathlib import Path


def test_it_says_what_it_is_and_does_not_repeat_what_is_typed(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path), environ={"TERM": "dumb"}) as chat:
        chat.wait("backburner: session main; /help explains all commands")
        chat.send("tag the release\n")
        chat.send("!echo printed; exit 3\n")
        chat.wait("#1 failed    echo printed; exit 3  exit status 3", "  printed")
        assert chat.text.count("tag the release") == 1
        assert chat.text.count("!echo") == 1
        chat.send("\x04")
        assert chat.wait_exit() == 1


def test_nothing_is_typed_where_there_is_no_input(tmp_path: Path) -> None:
    command = chat_command(tmp_path, "--plain")
    done = subprocess.run(
        ["bash", "-c", 'exec "$@" <&-', "-", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
