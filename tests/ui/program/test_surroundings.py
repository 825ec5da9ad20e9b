from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.surroundings import asks_for_ascii
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "environ",
    [
        {"LANG": "C"},
        {"LANG": "POSIX"},
        {"LC_ALL": "C", "LANG": "en_US.UTF-8"},
        {"LC_CTYPE": "POSIX", "LANG": "en_US.UTF-8"},
        {"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"},
        {"LC_ALL": "de_DE.ISO-8859-1", "LANG": "C.UTF-8"},
        {"LC_CTYPE": "ja_JP.eucJP", "LANG": "en_US.UTF-8"},
        {"LANG": "de_DE.ISO8859-15@euro"},
    ],
)
def test_an_ascii_locale_requests_ascii(environ: dict[str, str]) -> None:
    assert asks_for_ascii(environ)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LC_CTYPE": "C.UTF-8"},
        {"LANG": "C.UTF-8"},
        {"LC_ALL": "en_US.UTF-8", "LANG": "C"},
        {"LC_CTYPE": "de_DE.UTF-8", "LANG": "C"},
        {"LANG": "de_DE.utf8@euro"},
        {"LANG": "de_DE"},
    ],
)
def test_other_locales_do_not_request_ascii(environ: dict[str, str]) -> None:
    assert not asks_for_ascii(environ)


def test_the_chat_is_drawn_with_ascii_signs_and_takes_any_text(tmp_path: Path) -> None:
    locale = {"LC_ALL": "C", "LANG": "C"}
    with PtySession(chat_command(tmp_path), environ=locale) as chat:
        chat.wait("A note to yourself", "> ")
        assert chat.text.isascii()
        chat.send("caf\u00e9\r")
        chat.wait("you  caf\u00e9")
        chat.send("\x04")
        assert chat.wait_exit() == 0


def test_line_mode_is_written_with_ascii_signs(tmp_path: Path) -> None:
    locale = {"LC_ALL": "C", "LANG": "C"}
    with PtySession(chat_command(tmp_path, "--plain"), environ=locale) as lines:
        lines.send("!true\r")
        lines.wait("+ #1 complete")
        lines.send("\x04")
        assert lines.wait_exit() == 0
