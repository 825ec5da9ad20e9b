"""Sanitizing untrusted text for terminals.

Output, descriptions and paths may contain colors, cursor movements, commands that set
the clipboard or the window title, incomplete sequences, and characters that reverse the
writing direction. None of these may reach a terminal. Complete sequences are removed
first, so that no fragments remain; then all control characters are removed, which
covers everything that the first step missed.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

TAB_WIDTH: Final = 8
_BRIEF: Final = 40
_FIRST_BARE_IN_JSON: Final = 0x7F  # JSON escapes the control characters below
_UNIT: Final = 1024

# ECMA-48: control strings (DCS, SOS, OSC, PM, APC) end at ST or BEL and are cut at the
# end of the line if they never end, so that a stray opener can't hide what follows.
_SEQUENCE: Final = re.compile(
    r"""
    (?: \x1b [PX\]^_] | [\x90\x98\x9d\x9e\x9f] )        # a control string opens
        [^\x07\x1b\x9c\n]* (?: \x07 | \x1b\\ | \x9c )?  # ... and ends
    | (?: \x1b \[ | \x9b ) [0-?]* [\x20-/]* [@-~]?      # CSI
    | \x1b [\x20-/]* [0-~]?                             # any other escape
    """,
    re.VERBOSE,
)

_UNSAFE: Final = {
    code: None
    for span in (
        range(0x20),  # C0
        range(0x7F, 0xA0),  # DEL, C1
        (0x061C, 0x200E, 0x200F),  # marks of writing direction
        (*range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # changes of direction
        (0x2028, 0x2029, 0xFEFF),  # line and paragraph separators, byte order mark
    )
    for code in span
} | dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")

_DELETE: Final = "\x7f"  # the only character to escape in ASCII
_JSON_ESCAPES: Final = {
    code: f"\\u{code:04x}" for code in _UNSAFE if code >= _FIRST_BARE_IN_JSON
}


def safe_line(text: str) -> str:
    r"""Make text safe to show, as one line.

    Line breaks become spaces and tabs are expanded. Of text that overwrites itself
    (`\r`) the last version remains, as on a terminal.

    Returns:
        A line without control characters, escape sequences, bidirectional controls
        or surrogates.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCE.sub("", text)
    lines = (_last_version(line) for line in text.split("\n"))
    return " ".join(line.expandtabs(TAB_WIDTH).translate(_UNSAFE) for line in lines)


def safe_lines(text: str) -> list[str]:
    """Split text at line breaks and make each line safe to show; see `safe_line`."""
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [safe_line(line) for line in lines]


def safe_json(document: str) -> str:
    """Escape characters that JSON allows in strings but terminals interpret.

    The value of the document stays the same.
    """
    if document.isascii() and _DELETE not in document:  # the usual case, and fast
        return document
    return document.translate(_JSON_ESCAPES)


def brief(text: str, longest: int = _BRIEF) -> str:
    """Return a text, truncated if it is too long to be quoted in a line."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def is_unicode(text: str) -> bool:
    """Return whether text can be encoded as UTF-8; lone surrogates can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def size_text(size: int) -> str:
    """Format a number of bytes for people: `512 B`, `1.5 MiB`, `1 GiB`."""
    if size < _UNIT:
        return f"{size} B"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= _UNIT
        if round(value, 1) < _UNIT or unit == "TiB":
            break
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def _last_version(line: str) -> str:
    if "\r" not in line:
        return line
    return next((part for part in reversed(line.split("\r")) if part), "")
