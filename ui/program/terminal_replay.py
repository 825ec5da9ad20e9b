"""Replays a terminal's output, to reproduce its current state."""

from __future__ import annotations

import re
from typing import Final

MODES_WITHIN: Final = 4 << 20
"""Bytes at the end of an output that are searched for terminal modes."""

_MOST: Final = 1 << 18  # bytes that are replayed
_LINES: Final = 200
_MODE: Final = re.compile(rb"\x1b\[\?([0-9;]{1,32})([hl])|\x1b([=>])")
_ALTERNATE: Final = (b"1049", b"1047", b"47")
_CLEARED: Final = re.compile(rb"\x1b\[2J|\x1b\[H\x1b\[J|\x1bc|\x1b\[\?1049h")
# Queries: the terminal's answer would be sent to the job as input.
_QUESTIONS: Final = re.compile(
    rb"\x05"  # enquiry
    rb"|\x1b\[[>=]?[0-9;]*c"  # attributes
    rb"|\x1b\[\??[0-9;]*n"  # status, and the cursor position
    rb"|\x1b\[\??[0-9;]*\$p"  # modes
    rb"|\x1b\[>[0-9;]*q"  # version
    rb"|\x1b\[\?u"  # keyboard protocol
    rb"|\x1b\[[0-9;]*[tx]"  # the window
    rb"|\x1b\][0-9;]{1,8};\?(?:\x07|\x1b\\)"  # colors
    rb"|\x1bP[+$]q[^\x1b]{0,256}\x1b\\"  # capabilities, settings
)

RESET: Final = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l"
    b"\x1b[?1l\x1b>\x1b[?7h\x1b[?25h\x1b[<u\x1b[>4m\x1b(B\x0f\x1b[0 q"
    b"\x1b7\x1b[r\x1b8\x1b[m"
)
"""Resets a terminal to the state that programs expect.

If there may be an alternate screen, `LEAVE_SCREEN` comes before it.
"""

LEAVE_SCREEN: Final = b"\x1b[?1049l"

ENTER_SCREEN: Final = b"\x1b[?1049h\x1b[H\x1b[2J"
"""Switches to the alternate screen, and clears it."""

_SWITCH: Final = re.compile(rb"\x1b\[\?(?:1049|1047|47)[hl]")
_EMPTY: Final = b"\x1b[m\x1b[H\x1b[2J"


def on_one_screen(data: bytes) -> bytes:
    """Return output that clears the screen instead of switching to another one."""
    return _SWITCH.sub(_EMPTY, data)


def is_alternate(tail: bytes) -> bool:
    """Return whether the alternate screen is on at the end of a terminal's output."""
    return any(_modes(tail).get(it) == b"h" for it in _ALTERNATE)


def _modes(tail: bytes) -> dict[bytes, bytes]:
    modes: dict[bytes, bytes] = {}
    for match in _MODE.finditer(tail):
        for number in (match[1] or b"").split(b";"):
            modes[number] = match[2] or match[3]
    return modes


def replay(tail: bytes) -> bytes:
    """Return bytes that reproduce the end of an output, `MODES_WITHIN` bytes at most.

    Queries to the terminal are removed.
    """
    modes = _modes(tail)
    alternate = any(modes.get(it) == b"h" for it in _ALTERNATE)
    recent = tail[-_MOST:]
    start = 0
    for cleared in _CLEARED.finditer(recent):
        start = cleared.start()
    if not alternate:
        lines = recent[start:].rsplit(b"\n", _LINES + 1)
        recent, start = b"\n".join(lines[-_LINES:]), 0
    set_before = b"".join(
        b"\x1b[?%b%b" % (number, state)
        for number, state in modes.items()
        if number and (number not in _ALTERNATE or alternate)
    )
    if keypad := modes.get(b""):
        set_before += b"\x1b" + keypad
    return set_before + _QUESTIONS.sub(b"", recent[start:])
