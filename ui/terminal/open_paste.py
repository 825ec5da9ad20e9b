"""A paste whose end has not arrived yet."""

from __future__ import annotations

from typing import Final

from .key_sequences import ESC
from .keys import Paste

PASTE_LIMIT: Final = 1 << 24
"""Maximum length of a paste, in characters; the rest is dropped."""

_PASTE_ENDS: Final = "\x1b[201~"


class OpenPaste:
    """A bracketed paste whose end has not arrived yet."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = PASTE_LIMIT
        self._cut = False
        self._tail = ""

    def take(self, text: str, at: int) -> tuple[int, bool]:
        """Add the paste in `text[at:]`; return its end, and whether that ends it."""
        if self._tail:
            # The end marker may have begun in the previous text.
            seam = self._tail + text[at : at + len(_PASTE_ENDS)]
            if seam.startswith(_PASTE_ENDS):
                return at + len(_PASTE_ENDS) - len(self._tail), True
            if _PASTE_ENDS.startswith(seam):
                self._tail = seam
                return len(text), False
            self._add(self._tail)
            self._tail = ""
        end = text.find(_PASTE_ENDS, at)
        if end >= 0:
            self._add(text[at:end])
            return end + len(_PASTE_ENDS), True
        escape = text.rfind(ESC, max(at, len(text) - len(_PASTE_ENDS) + 1))
        if escape >= 0 and _PASTE_ENDS.startswith(text[escape:]):
            self._tail = text[escape:]
            self._add(text[at:escape])
        else:
            self._add(text[at:])
        return len(text), False

    @property
    def is_ending(self) -> bool:
        """Whether the end marker has begun."""
        return bool(self._tail)

    def take_back(self, chars: str) -> str:
        """Remove and return all of these characters from the end of the paste."""
        last = self._parts[-1] if self._parts else ""
        kept = last.rstrip(chars)
        if last:
            self._parts[-1] = kept
            self._room += len(last) - len(kept)
        return last[len(kept) :]

    def close(self) -> Paste:
        """Return the paste received so far."""
        text = "".join(self._parts)
        return Paste(text.replace("\r\n", "\n").replace("\r", "\n"), self._cut)

    def _add(self, text: str) -> None:
        self._cut |= len(text) > self._room
        text = text[: self._room]
        self._room -= len(text)
        if text:
            self._parts.append(text)
