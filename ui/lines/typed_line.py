"""The line being typed at a terminal, and output above it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import safe_line
from ..dialogue.messages import LineKeys, LinesTyped
from ..text.cells import clusters, width
from .input import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .views import LineWriter

_TAB: Final = 8
_DELETE: Final = "\x7f"
_LONGEST_CLUSTER: Final = 64
_CLEAR_ROW: Final = "\r\x1b[K"


class TypedLine:
    """Edits and shows a line as a terminal driver does, and moves it below output.

    Written text appears above the line that is being typed; the line is shown again
    below the text.

    Args:
        stream: The output stream.
        columns: Returns the current width of the terminal, in cells.
        clears: Whether the terminal can clear a row.
    """

    def __init__(
        self, stream: LineWriter, columns: Callable[[], int], *, clears: bool = True
    ) -> None:
        self._stream = stream
        self._columns = columns
        self._clears = clears
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._prompt = ""
        self._text: str = ""
        self._kept = 0  # characters that Ctrl+D has committed
        self._literal = False
        self._visible = False
        self._width = 0
        self._drawn_on = 0  # columns of the terminal then
        self._keys = LineKeys()
        self.set_keys(self._keys)

    def set_keys(self, keys: LineKeys) -> None:
        """Set the control characters, and show the line again."""
        self._hide()
        self._keys = keys
        special = {"\n", "\b", _DELETE, *keys.erase, *keys.word, *keys.kill, *keys.end}
        special |= {*keys.literal, *keys.reprint}
        self._special = re.compile(f"[{re.escape(''.join(sorted(special)))}]")

    def write(self, text: str, /) -> None:
        """Write whole lines above the line that is being typed."""
        self._hide()
        self._stream.write(text)

    def flush(self) -> None:
        """Show the written text and the line."""
        self._show()
        self._stream.flush()

    def set_prompt(self, prompt: str) -> None:
        """Show a prompt before the line, until the line is complete."""
        if prompt != self._prompt:
            self._hide()
            self._prompt = prompt

    def discard(self) -> None:
        """Leave the line on the screen and discard it."""
        self._break_row()
        self._text = self._prompt = ""
        self._kept, self._literal = 0, False

    def feed(self, data: bytes) -> LinesTyped:
        """Handle typed bytes; `flush` shows the result."""
        text: str = self._decoder.decode(data)
        lines: list[bytes] = []
        at = 0
        while at < len(text):
            if self._literal:
                self._literal = False
                self._add(text[at])
                at += 1
                continue
            found = self._special.search(text, at)
            end = found.start() if found else len(text)
            self._add(text[at:end])
            at = end
            if found is None:
                break
            at += 1
            key = found[0]
            if key == self._keys.end and len(self._text) == self._kept:
                self._end_line(shown=bool(self._text))
                return LinesTyped((*lines, *self._take_last()), ended=True)
            if key == "\n":
                self._end_line(shown=True)
                lines.append(self._take())
            else:
                self._edit(key)
        return LinesTyped(tuple(lines))

    def _edit(self, key: str) -> None:
        if key == self._keys.end:
            self._kept = len(self._text)
        elif key == self._keys.literal:
            self._literal = True
        elif key == self._keys.reprint:
            self._break_row()
        elif key == self._keys.kill:
            self._truncate(self._kept)
        elif key == self._keys.word:
            self._truncate(max(self._kept, _before_word(self._text)))
        else:
            tail = self._text[max(self._kept, len(self._text) - _LONGEST_CLUSTER) :]
            last = [cluster for cluster, _ in clusters(tail)][-1:]
            self._truncate(len(self._text) - len("".join(last)))

    def _take(self) -> bytes:
        text, self._text = self._text, ""
        self._prompt = ""
        self._kept = 0
        return text.encode("utf-8", "surrogateescape")

    def _take_last(self) -> list[bytes]:
        last = self._take()
        return [last] if last else []

    def _add(self, text: str) -> None:
        text = text[: max(0, LONGEST_LINE + 1 - len(self._text))]
        if not text:
            return
        self._show()
        if not self._visible:
            self._visible = True
            self._width, self._drawn_on = 0, self._columns()
        shown = self._shown(text, self._width)
        self._text += text
        self._width += width(shown)
        self._stream.write(shown)

    def _truncate(self, length: int) -> None:
        """Delete all characters after the first `length`."""
        if length == len(self._text):
            return
        self._show()
        before, columns = self._width, self._columns()
        self._text = self._text[:length]
        self._measure()
        same_row = before // columns == self._width // columns and before % columns
        if same_row and columns == self._drawn_on:
            self._stream.write("\b \b" * (before - self._width))
            self._visible = bool(self._prompt or self._text)
        else:
            # A backspace does not move to the previous row.
            self._width = before
            self._hide()

    def _end_line(self, *, shown: bool) -> None:
        self._show()
        if shown or self._visible:
            self._stream.write("\n")
        self._visible = False
        self._width = 0

    def _break_row(self) -> None:
        if self._visible:
            self._stream.write("\n")
            self._visible = False

    def _hide(self) -> None:
        """Hide the line to make room for output."""
        if not self._visible:
            return
        fits = self._width < min(self._columns(), self._drawn_on)
        self._stream.write(_CLEAR_ROW if fits and self._clears else "\n")
        self._visible = False

    def _show(self) -> None:
        if self._visible or not (self._prompt or self._text):
            return
        self._visible = True
        self._measure()
        self._drawn_on = self._columns()
        self._stream.write(self._prompt + self._shown(self._text, len(self._prompt)))

    def _measure(self) -> None:
        shown = self._shown(self._text, len(self._prompt))
        self._width = len(self._prompt) + width(shown)

    def _shown(self, text: str, column: int) -> str:
        """Return the visible form of a part of the line that starts at a column."""
        if text.isprintable():
            return text
        parts: list[str] = []
        for char in text:
            if char == "\t":
                blanks = _TAB - column % _TAB
                parts.append(" " * blanks)
                column += blanks
                continue
            parts.append(_shown_char(char))
            column += width(parts[-1])
        return "".join(parts)


def _shown_char(char: str) -> str:
    if char < " ":
        return f"^{chr(ord(char) ^ 0x40)}"
    if char == _DELETE:
        return "^?"
    if char.isprintable() or safe_line(char) == char:
        return char
    return "\N{REPLACEMENT CHARACTER}"


def _before_word(text: str) -> int:
    """Return the start of the last word."""
    at = len(text)
    while at and not _is_in_word(text[at - 1]):
        at -= 1
    while at and _is_in_word(text[at - 1]):
        at -= 1
    return at


def _is_in_word(char: str) -> bool:
    return char.isalnum() or char == "_"
