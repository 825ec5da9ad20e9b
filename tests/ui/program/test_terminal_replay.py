"""The first output shown when attaching to a terminal."""

from __future__ import annotations

import pytest
from backburner.ui.program.terminal_replay import on_one_screen


@pytest.mark.parametrize("number", [b"1049", b"1047", b"47"])
def test_the_alternate_screen_is_replayed_as_a_cleared_screen(number: bytes) -> None:
    output = b"one\x1b[?" + number + b"htwo\x1b[?" + number + b"l\x1b[?25hthree"
    empty = b"\x1b[m\x1b[H\x1b[2J"
    shown = b"one" + empty + b"two" + empty + b"\x1b[?25hthree"
    assert on_one_screen(output) == shown
