"""Long messages in pieces: what is far out of sight is never laid out.

A message of any length is shown whole. Each piece is an item of the transcript, and
those after the first are its continuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ...dialogue.entries import Reply, Said

if TYPE_CHECKING:
    from datetime import datetime

    from ...dialogue.entries import Entry

LINES: Final = 100
"""Lines of a piece at most."""

CHARACTERS: Final = 1 << 13
"""Characters of a piece at most; a longer line goes on in the next row."""


class Continued(msgspec.Struct, frozen=True):
    """What was said or answered goes on from the item before."""

    entry: Said | Reply

    @property
    def at(self) -> datetime:
        """When (UTC)."""
        return self.entry.at


def in_pieces(entry: Entry) -> list[Entry | Continued]:
    """Return an entry as the items that show it."""
    match entry:
        case Said(text=text):
            first, *others = split_text(text)
            if not others:
                return [entry]
            more = [Continued(replace(entry, text=piece)) for piece in others]
            return [replace(entry, text=first), *more]
        case Reply(lines=lines) if len(lines) > LINES:
            parts = [lines[at : at + LINES] for at in range(0, len(lines), LINES)]
            first_part, *other_parts = parts
            return [
                replace(entry, lines=first_part),
                *(Continued(replace(entry, lines=part)) for part in other_parts),
            ]
        case _:
            return [entry]


def split_text(text: str) -> list[str]:
    """Cut a text into pieces of whole lines, and a line that is too long anywhere."""
    if len(text) <= CHARACTERS and text.count("\n") < LINES:
        return [text]
    pieces: list[str] = []
    lines: list[str] = []
    length = 0
    for line in text.split("\n"):
        for part in _cut(line):
            if lines and (len(lines) == LINES or length + len(part) > CHARACTERS):
                pieces.append("\n".join(lines))
                lines, length = [], 0
            lines.append(part)
            length += len(part) + 1
    pieces.append("\n".join(lines))
    return pieces


def _cut(line: str) -> list[str]:
    return [line[at : at + CHARACTERS] for at in range(0, len(line), CHARACTERS)] or [
        ""
    ]
