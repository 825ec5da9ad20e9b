"""The terminal of the tests joins a sequence that is split between two reads."""

from __future__ import annotations

import sys

from pty_session import PtySession

CUT = r"""
import sys, tty
tty.setraw(0)
for part in ("one\x1b[?4", "m two\x1bP+q43", "6f\x1b", "\\ three"):
    sys.stdout.write(part)
    sys.stdout.flush()
    sys.stdin.read(1)
"""


def test_a_sequence_may_be_split_between_two_reads() -> None:
    with PtySession([sys.executable, "-c", CUT], start=True) as session:
        for end in (b"?4", b"q43", b"6f\x1b", b"three"):
            session.wait(lambda end=end: session.raw.endswith(end))
            session.send("x")
        assert session.wait_exit() == 0
        assert session.lines[0] == "one two three"
