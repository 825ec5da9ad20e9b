"""Recognizing progress in the output of programs.

A few formats cover nearly all programs: the taskbar sequence OSC 9;4 (systemd, winget,
tools of some terminals), `NN%` (tqdm, curl, git, pytest), `n/m` or `n of m` (ninja,
docker, cargo), and `n/m MB` after a bar (pip, uv, docker pull). An ambiguous number is
ignored: no progress is better than a wrong one.
"""

from __future__ import annotations

import re
from typing import Final

# Compiled on first use, to keep the start fast.
_TASKBAR: Final = rb"\x1b\]9;4;([0-4]);?(\d{0,3})(?:\x07|\x1b\\|\x9c)"
_PERCENT: Final = rb"(?<![\d.,/-])(\d{1,3})(?:[.,]\d+)? ?%(?!\w)"
# A count is in brackets, at the start of the line, after a bar or after a noun such as
# "step"; anywhere else n/m may be a date, a ratio or a path. If a time follows, it is a
# date as well.
_COUNT: Final = rb"""(?xi)
    (?: ^\s* | [\[(]\s* | [=>\s\#-]\]\s+
      | \b(?: step|stage|task|test|file|item|chunk|batch|epoch|part|page|layer|object
            | package|target|job|case|row|record|download(?:ed|ing)?|process(?:ed|ing)
            | build(?:ing)?|compil(?:ed|ing)|install(?:ed|ing)?|fetch(?:ed|ing)?
            | progress
        )s? [\s:#]+ )
    (\d{1,9}) (?: \s*/\s* | \s+of\s+ ) (\d{1,9})
    (?! [/%\w-] | [.:,][^\s.] | \s+\d{1,2}:\d\d )
    """
# Amounts of data. Without a bar before them they may be used and total memory.
_AMOUNT: Final = rb"""(?xi)
    (?: \xe2[\x94-\x96][\x80-\xbf] | --- | [=>\s\#-]\] ) \s+
    (\d{1,6}(?:\.\d{1,3})?) \s?((?:[kmgt]i?)?b)? \s?/\s?
    (\d{1,6}(?:\.\d{1,3})?) \s?((?:[kmgt]i?)?b) \b (?!/)
    """
_UNITS: Final = b"bkmgt"
_SEGMENT_END: Final = rb"[\r\n]+"
_ESCAPE: Final = rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))"

_TASKBAR_NORMAL, _TASKBAR_ERROR, _TASKBAR_PAUSED = b"1", b"2", b"4"


def parse_progress(output: bytes) -> int | None:
    """Return the progress found at the end of a program's output.

    Args:
        output: Its last few KiB, raw: with escape sequences and carriage returns.

    Returns:
        Percent, 0 to 100; None if none was found.
    """
    if b"\x1b]9;4;" in output:
        states = re.findall(_TASKBAR, output)
        if states:
            state, percent = states[-1]
            if state in {_TASKBAR_NORMAL, _TASKBAR_ERROR, _TASKBAR_PAUSED} and percent:
                return min(int(percent), 100)
    if not re.search(rb"\d", output):
        return None  # saves the search of thousands of short lines
    for segment in reversed(re.split(_SEGMENT_END, output)):
        found = _parse_segment(re.sub(_ESCAPE, b"", segment))
        if found is not None:
            return found
    return None


def _parse_segment(segment: bytes) -> int | None:
    for text in reversed(re.findall(_PERCENT, segment)):
        percent = int(text)
        if percent <= 100:  # noqa: PLR2004 - percent
            return percent
    for done, total in reversed(re.findall(_COUNT, segment)):
        n, m = int(done), int(total)
        if 0 <= n <= m and m > 1:
            return n * 100 // m
    if b"/" in segment:
        for done, unit, total, of in reversed(re.findall(_AMOUNT, segment)):
            amount, whole = _amount(done, unit or of), _amount(total, of)
            if amount <= whole > 0:
                return int(amount * 100 / whole)
    return None


def _amount(number: bytes, unit: bytes) -> float:
    """Return a number of bytes; both kinds of units count as powers of 1000."""
    return float(number) * 1000 ** _UNITS.index(unit[:1].lower())
