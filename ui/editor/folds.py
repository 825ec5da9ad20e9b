"""Folded pastes: each is a single private-use character in the edited text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLD_LINES: Final = 10
"""A paste of more lines than this is folded."""

FOLD_LENGTH: Final = 2000
"""A paste of more characters than this is folded."""

_FIRST: Final = 0x100000  # the last private-use plane, which no known font uses
_COUNT: Final = 0xFFFE
_FOLD: Final = re.compile(f"([{chr(_FIRST)}-{chr(_FIRST + _COUNT - 1)}])")


def clean_input(text: str) -> str:
    """Make text safe to edit and show; keep line breaks and tabs.

    Characters that mean a fold are replaced, too.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _FOLD.sub("\N{REPLACEMENT CHARACTER}", text)
    return "\n".join(
        "\t".join(safe_line(part) for part in line.split("\t"))
        for line in text.split("\n")
    )


def is_large(text: str) -> bool:
    """Return whether a text is large enough to fold."""
    return len(text) > FOLD_LENGTH or text.count("\n") >= FOLD_LINES


class Folds:
    """The folded texts, by fold character.

    An *inner* position is in the text with folds, an *outer* position in the full text.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._next = 0

    def fold(self, text: str) -> str:
        """Fold a text; return its fold character."""
        char = chr(_FIRST + self._next % _COUNT)
        self._next += 1
        self._texts[char] = text
        return char

    def forget_except(self, inner_texts: Iterable[str]) -> None:
        """Drop the folds that none of these texts contains."""
        kept = {char for inner in inner_texts for char in split_folds(inner)}
        self._texts = {c: text for c, text in self._texts.items() if c in kept}

    def folded(self, char: str) -> str:
        """Return the text of a fold character."""
        return self._texts[char]

    def label(self, char: str) -> str:
        """Return the label that is shown instead of a folded text."""
        text = self.folded(char)
        lines = text.count("\n") + 1
        if lines > 1:
            return f"[pasted {lines} lines]"
        return f"[pasted {len(text)} characters]"

    def expand(self, inner: str) -> str:
        """Return the full text."""
        if not self._texts:
            return inner
        return _FOLD.sub(lambda match: self.folded(match[0]), inner)

    def outer(self, inner: str, position: int) -> int:
        """Convert an inner position to an outer position."""
        return len(self.expand(inner[:position]))

    def inner(self, inner: str, position: int, *, after: bool) -> int:
        """Convert an outer position to an inner position.

        Args:
            inner: The text with folds.
            position: The position in the full text.
            after: Whether a position inside a fold becomes the position after the fold,
                instead of the one before it.
        """
        at = passed = 0
        for part in split_folds(inner):
            length = len(self.folded(part)) if is_fold(part) else len(part)
            if position < passed + length:
                if is_fold(part):
                    return at + (after and position > passed)
                return at + position - passed
            at, passed = at + len(part), passed + length
        return at


def is_fold(text: str) -> bool:
    """Return whether a text is a fold character."""
    return bool(_FOLD.fullmatch(text))


def split_folds(inner: str) -> list[str]:
    """Split a text into fold characters and the texts between them."""
    return [part for part in _FOLD.split(inner) if part]
