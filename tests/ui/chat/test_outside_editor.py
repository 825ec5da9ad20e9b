"""Ctrl+X Ctrl+E: a real program edits the draft on a real terminal."""

from __future__ import annotations

import contextlib
import shlex
import signal
import tempfile
from typing import TYPE_CHECKING
from unittest.mock import Mock

from backburner.ui.chat import outside
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pytest

PLACEHOLDER = "A note to yourself"
OPEN_EDITOR = "\x18\x05"


@contextlib.contextmanager
def chat_with(tmp_path: Path, script: str) -> Generator[PtySession]:
    """Open a chat whose editor is a shell script; `$1` is the file."""
    editor = tmp_path / "my editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environ = {"VISUAL": shlex.quote(str(editor)), "TMPDIR": str(temporary)}
    with PtySession(chat_command(tmp_path / "state"), environ=environ) as chat:
        chat.wait(PLACEHOLDER)
        yield chat
    assert not list(temporary.glob("backburner-*"))


def test_the_text_from_the_editor_becomes_the_draft(tmp_path: Path) -> None:
    script = f"""
ls -ld "$1" "$(dirname "$1")" | cut -c1-10 > {tmp_path}/modes
cat "$1" > {tmp_path}/draft
echo "press return"; read line
printf 'first %s\\nsecond\\n' "$line" > "$1"
"""
    with chat_with(tmp_path, script) as chat:
        chat.send("draft")
        chat.wait("draft")
        chat.send(OPEN_EDITOR)
        chat.wait("press return")
        chat.send("from the terminal\r")
        chat.wait("first from the terminal", "second")
        chat.send("\r")
        chat.wait("A note to yourself", "first from the terminal")
        chat.send("\x04")
        assert chat.wait_exit() == 0
    assert (tmp_path / "draft").read_text() == "draft"
    modes = sorted((tmp_path / "modes").read_text().split())
    assert modes == ["-rw-------", "drwx------"]


def test_an_editor_that_fails_leaves_the_draft(tmp_path: Path) -> None:
    with chat_with(tmp_path, 'echo other > "$1"; exit 3') as chat:
        chat.send("my draft")
        chat.wait("my draft")
        chat.send(OPEN_EDITOR)
        chat.wait("ended with exit status 3", "my draft")
        assert "other" not in chat.text


def test_ctrl_c_in_the_editor_goes_to_the_editor(tmp_path: Path) -> None:
    with chat_with(tmp_path, "echo waiting; exec sleep 600") as chat:
        chat.send("my draft")
        chat.wait("my draft")
        chat.send(OPEN_EDITOR)
        chat.wait("waiting")
        chat.send("\x03")
        chat.wait("ended with signal 2", "my draft")


def test_a_signal_ends_the_chat_and_its_editor(tmp_path: Path) -> None:
    with chat_with(tmp_path, "echo waiting; exec sleep 600") as chat:
        chat.send("my draft")
        chat.wait("my draft")
        chat.send(OPEN_EDITOR)
        chat.wait("waiting")
        chat.process.send_signal(signal.SIGTERM)
        assert chat.wait_exit() == 128 + signal.SIGTERM


def test_without_an_editor_the_chat_says_what_to_set(tmp_path: Path) -> None:
    for environ, word in [
        ({"VISUAL": "", "EDITOR": ""}, "set VISUAL or EDITOR"),
        ({"VISUAL": "/no/such/editor"}, "can't start"),
        ({"VISUAL": "'open"}, "can't be read"),
    ]:
        with PtySession(chat_command(tmp_path / "state"), environ=environ) as chat:
            chat.wait(PLACEHOLDER)
            chat.send("my draft")
            chat.wait("my draft")
            chat.send(OPEN_EDITOR)
            chat.wait(word, "my draft")


def test_a_draft_that_cannot_be_written_is_not_the_fault_of_the_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "true")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    edited, _ = outside.edit("my draft", Mock(), Mock())
    assert edited.problem.startswith("can't write the draft: No such file")
