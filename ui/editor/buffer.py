"""A text buffer with a cursor, a kill ring and undo, as in readline.

Positions are indices into the text. The cursor stops only between grapheme clusters,
never between a letter and its accent.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from ..text.cells import cluster_around, clusters

_UNDO_LIMIT: Final = 200
_KILL_LIMIT: Final = 20


class EditBuffer:
    """The text being edited."""

    def __init__(self) -> None:
        self.text = ""
        self.cursor = 0
        self._undo: list[tuple[str, int]] = []
        self._kills: list[str] = []
        self._last = ""
        self._yanked: tuple[int, int] = (0, 0)
        self._goal = 0

    @property
    def kills(self) -> tuple[str, ...]:
        """The kill ring, oldest first."""
        return tuple(self._kills)

    def reset(self) -> None:
        """Empty the buffer; that can't be undone, but the kill ring is kept."""
        self.text = ""
        self.cursor = 0
        self._undo.clear()
        self._last = ""

    def load(self, text: str, cursor: int | None = None) -> None:
        """Replace the text, with the cursor at its end by default; can be undone."""
        self._change(0, len(self.text), text)
        if cursor is not None:
            self.cursor = self._after_cluster(cursor)

    # Positions.

    @property
    def line_start(self) -> int:
        """The start of the cursor's line."""
        return self.text.rfind("\n", 0, self.cursor) + 1

    @property
    def line_end(self) -> int:
        """The end of the cursor's line."""
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    @property
    def before(self) -> int:
        """The position one character before the cursor."""
        start = self.line_start
        if self.cursor == start:
            return max(0, start - 1)
        *_, (cluster, _) = clusters(self.text[start : self.cursor])
        return self.cursor - len(cluster)

    @property
    def after(self) -> int:
        """The position one character after the cursor."""
        rest = self.text[self.cursor : self.line_end]
        if not rest:
            return min(len(self.text), self.cursor + 1)
        cluster, _ = next(clusters(rest))
        return self.cursor + len(cluster)

    @property
    def word_start(self) -> int:
        """The start of the word before the cursor, of letters and digits."""
        at = self.cursor
        while at > 0 and not _in_word(self.text[at - 1]):
            at -= 1
        while at > 0 and _in_word(self.text[at - 1]):
            at -= 1
        return self._before_cluster(at)

    @property
    def word_end(self) -> int:
        """The end of the word after the cursor, of letters and digits."""
        at, end = self.cursor, len(self.text)
        while at < end and not _in_word(self.text[at]):
            at += 1
        while at < end and _in_word(self.text[at]):
            at += 1
        return self._after_cluster(at)

    @property
    def blank_word_start(self) -> int:
        """The start of the word before the cursor, of non-blank characters."""
        at = self.cursor
        while at > 0 and self.text[at - 1].isspace():
            at -= 1
        while at > 0 and not self.text[at - 1].isspace():
            at -= 1
        return self._before_cluster(at)

    # Moves.

    def move(self, position: int) -> None:
        """Move the cursor to a position."""
        self.cursor = self._after_cluster(max(0, min(position, len(self.text))))
        self._last = "move"

    def move_line(self, step: int) -> bool:
        """Move to the line above (-1) or below (1); return whether there is one."""
        start, end = self.line_start, self.line_end
        if (step < 0 and start == 0) or (step > 0 and end == len(self.text)):
            return False
        if self._last != "line":
            self._goal = self.cursor - start
        self.cursor = start - 1 if step < 0 else end + 1
        start = self.line_start
        at = start
        for cluster, _ in clusters(self.text[start : self.line_end]):
            if at + len(cluster) > start + self._goal:
                break
            at += len(cluster)
        self.cursor = at
        self._last = "line"
        return True

    # Changes.

    def type(self, text: str) -> None:
        """Insert text at the cursor; consecutive insertions are undone together."""
        word_begins = text.isspace() and not self.text[: self.cursor][-1:].isspace()
        join = self._last == "type" and not word_begins
        self._change(self.cursor, self.cursor, text, join=join)
        self._last = "type"

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a part of the text, and put the cursor after it."""
        self._change(start, end, text)

    def delete(self, start: int, end: int) -> None:
        """Delete a part of the text."""
        if start < end:
            self._change(start, end, "", join=self._last == "delete")
            self._last = "delete"

    def kill(self, start: int, end: int) -> None:
        """Delete a part of the text and add it to the kill ring, for `yank`.

        Consecutive kills become one entry.
        """
        killed = self.text[start:end]
        if not killed:
            return
        continues = self._last == "kill"
        backward = end == self.cursor
        self._change(start, end, "")
        self._last = "kill"
        if continues:
            kept = self._kills.pop()
            killed = killed + kept if backward else kept + killed
        self._kills = [*self._kills, killed][-_KILL_LIMIT:]

    def yank(self) -> None:
        """Insert the newest entry of the kill ring."""
        if self._kills:
            self._put_yanked(self.cursor, self.cursor)

    def yank_older(self) -> None:
        """Replace the text that was just yanked by the next older entry."""
        if self._last == "yank":
            self._kills.insert(0, self._kills.pop())
            self._put_yanked(*self._yanked)

    def transpose(self) -> None:
        """Exchange the characters around the cursor."""
        if self.cursor == self.line_end:
            self.cursor = max(self.before, self.line_start)
        start, middle, end = self.before, self.cursor, self.after
        if self.line_start <= start < middle < end <= self.line_end:
            text = self.text
            self._change(start, end, text[middle:end] + text[start:middle])

    def undo(self) -> None:
        """Undo the last change."""
        if self._undo:
            self.text, self.cursor = self._undo.pop()
        self._last = "undo"

    def _put_yanked(self, start: int, end: int) -> None:
        self._change(start, end, self._kills[-1])
        self._yanked = (start, start + len(self._kills[-1]))
        self._last = "yank"

    def _change(self, start: int, end: int, text: str, *, join: bool = False) -> None:
        if not join:
            self._undo = [*self._undo, (self.text, self.cursor)][-_UNDO_LIMIT:]
        self.text = self.text[:start] + text + self.text[end:]
        # The inserted text may have joined the cluster after it.
        self.cursor = self._after_cluster(start + len(text))
        self._last = ""

    def _before_cluster(self, position: int) -> int:
        return cluster_around(self.text, position)[0]

    def _after_cluster(self, position: int) -> int:
        return cluster_around(self.text, position)[1]


def _in_word(char: str) -> bool:
    if char.isalnum() or char == "_":
        return True
    return not char.isascii() and unicodedata.category(char).startswith("M")
