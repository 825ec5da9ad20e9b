"""Long messages in pieces: what is far out of sight is never laid out.

A message of any length is shown whole. Each piece is an item of the transcript, and
those after the first are its continuation.
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
"""Lines of a piece at most."""

PIECE: Final = 1 << 10
"""Characters after which a piece of Markdown ends with its block."""

CHARACTERS: Final = 1 << 13
"""Characters of a piece at most; a longer line goes on in the next row."""

_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})\s*([^`]*)$")
_LIST_ITEM: Final = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s")


class Continued(msgspec.Struct, frozen=True):
    """What was said or answered goes on from the item before.

    Attributes:
        entry: The rest.
        within: Whether it goes on within a block of Markdown, such as a list.
    """

    entry: Said | Reply
    within: bool = False

    @property
    def at(self) -> datetime:
        """When (UTC)."""
        return self.entry.at


def in_pieces(entry: Entry) -> list[Entry | Continued]:
    """Return an entry as the items that show it."""
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


def split_markdown(text: str) -> list[tuple[str, bool]]:
    """Cut Markdown into pieces that can be drawn one by one, as it grows too.

    Between blocks, if it can be. A block of code that is cut is closed, and opened
    again in the next piece.

    Returns:
        The pieces, and whether each goes on within a block of the one before.
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
