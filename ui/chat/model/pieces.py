"""Split long messages into pieces, so that only visible parts are laid out.

A message of any length is shown completely. Each piece is an item of the transcript;
the pieces after the first are `Continued`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ...dialogue.entries import Reply, Said

if TYPE_CHECKING:
    from datetime import datetime

    from ...dialogue.entries import Entry

LINES: Final = 100
"""Maximum lines of a piece."""

PIECE: Final = 1 << 10
"""Characters after which a piece of Markdown ends at the next end of a block."""

CHARACTERS: Final = 1 << 13
"""Maximum characters of a piece; a longer line continues in the next piece."""

_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})\s*([^`]*)$")
_LIST_ITEM: Final = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s")


class Continued(msgspec.Struct, frozen=True):
    """The continuation of an entry; `within` if it begins within a Markdown block."""

    entry: Said | Reply
    within: bool = False

    @property
    def at(self) -> datetime:
        """The time of the entry (UTC)."""
        return self.entry.at


def in_pieces(entry: Entry) -> list[Entry | Continued]:
    """Return the items that show an entry."""
    match entry:
        case Said(text=text, form="markdown"):
            (text, _), *parts = split_markdown(text)
            rest = [Continued(replace(entry, text=it), within) for it, within in parts]
            return [replace(entry, text=text), *rest]
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
    """Split a text into pieces of whole lines; split a line that is too long."""
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


def split_markdown(text: str) -> list[tuple[str, bool]]:
    """Split Markdown into pieces that can be drawn separately, also while it grows.

    Pieces end between blocks if possible. A split code block is closed, and opened
    again in the next piece.

    Returns:
        The pieces, and whether each begins within a block of the previous piece.
    """
    if len(text) <= PIECE:
        return [(text, False)]
    pieces: list[tuple[str, bool]] = []
    lines: list[str] = []
    length, fence, within = 0, "", False

    def end(*, inside: bool) -> None:
        nonlocal length, within, lines
        pieces.append(
            ("\n".join([*lines, _closing(fence)] if fence else lines), within)
        )
        lines, within = ([fence] if fence else []), inside
        length = len(fence)

    for line in text.split("\n"):
        for part in _cut(line):
            is_item = _LIST_ITEM.match(part) is not None and not fence
            if (length + len(part) > CHARACTERS and len(lines) > bool(fence)) or (
                length > 2 * PIECE and (fence or is_item)
            ):
                end(inside=True)
            elif length > PIECE and not fence and lines and not lines[-1].strip():
                end(inside=False)
            lines.append(part)
            length += len(part) + 1
            if (mark := _FENCE.match(part)) is None:
                continue
            if not fence:
                fence = part
            elif mark[1].startswith(_closing(fence)) and not mark[2].strip():
                fence = ""
    pieces.append(("\n".join(lines), within))
    return pieces


def _closing(fence: str) -> str:
    mark = _FENCE.match(fence)
    return "" if mark is None else mark[1]


def _cut(line: str) -> list[str]:
    return [line[at : at + CHARACTERS] for at in range(0, len(line), CHARACTERS)] or [
        ""
    ]
