"""The input editor: keys in, rows out, without a terminal or threads.

It has the keys of readline. The caller handles Enter, Tab, Escape and Ctrl+C; Ctrl+J
and Alt+Enter insert a line break. A large paste is folded; Ctrl+O unfolds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..terminal.keys import Key, Paste, Typed
from ..text.cells import clip
from .buffer import EditBuffer
from .folds import Folds, clean_input, is_fold, is_large
from .history_file import HISTORY_LIMIT
from .history_search import HistorySearch
from .layout import Content, EditorStyles, Rendered, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Editor", "EditorStyles", "Rendered"]

_LINE_BREAK: Final = {"ctrl-j", "alt-enter", "shift-enter", "ctrl-enter"}
_TAKES_OFFER: Final = {"right", "ctrl-f", "end", "ctrl-e"}
_ON_EMPTY: Final = {"ctrl-y", "alt-y", "ctrl-_"}


class Editor:
    """An input with history, undo and a kill ring.

    Inserted text is made safe: it never has control characters other than line breaks
    and tabs. Positions are indices into `text`.
    """

    def __init__(
        self, history: Iterable[str] = (), styles: EditorStyles | None = None
    ) -> None:
        self.styles = styles or EditorStyles()
        self._buffer = EditBuffer()
        self._folds = Folds()
        self._history = [clean_input(text) for text in history]
        # Changed inputs of the history while browsing; the draft comes after the
        # newest.
        self._edited: dict[int, str] = {}
        self._at = len(self._history)
        self._search: HistorySearch | None = None
        self._suggested: tuple[str, str] = ("", "")
        self._offered = ""

    @property
    def text(self) -> str:
        """The whole input, with folds expanded."""
        return self._folds.expand(self._buffer.text)

    @property
    def cursor(self) -> int:
        """The position of the cursor in `text`; never inside a folded paste."""
        return self._folds.outer(self._buffer.text, self._buffer.cursor)

    @property
    def searching(self) -> bool:
        """Whether a Ctrl+R search is open; the editor handles all keys then."""
        return self._search is not None

    @property
    def offered(self) -> str:
        """The text offered for an empty input; empty if there is none."""
        return "" if self._buffer.text or self._search else self._offered

    def offer(self, text: str) -> None:
        """Offer a text until the next input is sent.

        The text isn't part of the input, so typed text isn't appended to it. While the
        input is empty, `take_suggestion` inserts it.
        """
        self._offered = clean_input(text)

    @property
    def suggestion(self) -> str:
        """The text that Right or End adds from the history; empty if there is none."""
        typed = self._buffer.text
        if (
            not typed
            or self._search
            or self._buffer.cursor < len(typed)
            or self._at < len(self._history)
        ):
            return ""
        if self._suggested[0] != typed:
            # The history has no folds, so a text with folds matches nothing.
            found = (
                text
                for text in reversed(self._history)
                if len(text) > len(typed) and text.startswith(typed)
            )
            self._suggested = (typed, next(found, typed))
        return self._suggested[1][len(typed) :]

    def handle(self, event: Key | Typed | Paste) -> bool:
        """Handle a key, a run of characters, or a paste.

        Outside of a search the caller handles: Enter, Tab, Escape, Ctrl+C, unknown
        keys, Up and Down at the ends of the history, and in an empty input the keys
        that only move or delete.

        Returns:
            Whether the event was handled.
        """
        if isinstance(event, Paste):
            self._end_search()
            self.paste(event.text)
            return True
        if isinstance(event, Typed):
            self._type(event)
            return True
        if self._search and self._handle_search(self._search, event):
            return True
        if event.text:
            self._buffer.type(clean_input(event.text))
            return True
        if event.name in _LINE_BREAK:
            self._buffer.type("\n")
            return True
        if event.name in {"up", "ctrl-p"}:
            return self._buffer.move_line(-1) or self._browse(-1)
        if event.name in {"down", "ctrl-n"}:
            return self._buffer.move_line(1) or self._browse(1)
        if event.name == "ctrl-r":
            self._search = HistorySearch(self._history)
            return True
        if event.name == "ctrl-o":
            return self.unfold()
        if self.offered and event.name in _TAKES_OFFER:
            return self.take_suggestion()
        if not self._buffer.text and event.name not in _ON_EMPTY:
            return False
        return self._edit(event.name)

    def insert(self, text: str) -> None:
        """Insert text at the cursor as if typed; never folded."""
        self._end_search()
        self._buffer.type(clean_input(text))

    def paste(self, text: str) -> None:
        """Insert text at the cursor, folded if it is large."""
        self._end_search()
        at = self._buffer.cursor
        self._buffer.replace(at, at, self._fold_large(clean_input(text)))

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a part of `text`, with the cursor after it; can be undone.

        A folded paste that overlaps the part is replaced completely.
        """
        self._end_search()
        inner = self._buffer.text
        self._buffer.replace(
            self._folds.inner(inner, start, after=False),
            self._folds.inner(inner, max(start, end), after=True),
            clean_input(text),
        )

    def set_text(self, text: str) -> None:
        """Replace the whole text, with the cursor at the end; can be undone."""
        self._end_search()
        self._buffer.load(self._fold_large(clean_input(text)))

    def take_suggestion(self) -> bool:
        """Insert the offered text or the `suggestion`; return whether one was there."""
        suggestion = self.offered or self.suggestion
        if suggestion:
            self._buffer.type(suggestion)
        return bool(suggestion)

    def unfold(self) -> bool:
        """Unfold the paste at the cursor, to edit it; return whether there was one."""
        buffer = self._buffer
        for start in (buffer.cursor - 1, buffer.cursor):
            char = buffer.text[max(0, start) : start + 1]
            if is_fold(char):
                buffer.replace(start, start + 1, self._folds.folded(char))
                return True
        return False

    def clear(self) -> str:
        """Empty the input, and return its text; Ctrl+Y or Up restores it."""
        text = self.text
        self.remember(text)
        self._buffer.move(0)
        self._buffer.kill(0, len(self._buffer.text))
        self._begin_anew()
        return text

    def submit(self) -> str:
        """Empty the input, and return its text.

        Call `remember` afterwards, unless the text is put back.
        """
        text = self.text
        self._begin_anew()
        return text

    def remember(self, text: str) -> None:
        """Add a text to the history as the newest."""
        if text.strip() and (not self._history or self._history[-1] != text):
            at_end = self._at == len(self._history)
            self._history = [*self._history, text][-HISTORY_LIMIT:]
            self._suggested = ("", "")
            if at_end:
                self._at = len(self._history)

    def render(
        self, columns: int, max_rows: int, prompt: str = "> ", placeholder: str = ""
    ) -> Rendered:
        """Draw the input so that the cursor is visible.

        Long lines wrap, and scroll vertically; in a single row they scroll
        horizontally.

        Args:
            columns: The maximum width, at least 1.
            max_rows: The maximum height, at least 1.
            prompt: Shown before the first line; during a search, the search is shown.
            placeholder: Shown in an empty input.
        """
        columns = max(1, columns)
        if self._search:
            content = self._search_content(self._search, columns)
            return lay_out(content, columns, max(1, max_rows))
        content = Content(
            text=self._buffer.text,
            cursor=self._buffer.cursor,
            prompt=prompt,
            hint=self.suggestion if self._buffer.text else placeholder,
            label=self._folds.label,
            styles=self.styles,
        )
        return lay_out(content, columns, max(1, max_rows))

    def _type(self, typed: Typed) -> None:
        if self._search:
            for key in typed.keys:
                self._handle_search(self._search, key)
        else:
            self._buffer.type(clean_input(typed.text))

    def _edit(self, name: str) -> bool:
        """Handle a key that moves or changes; return whether it is one."""
        buffer = self._buffer
        at = buffer.cursor
        match name:
            case "right" | "ctrl-f" | "end" | "ctrl-e" if self.suggestion:
                buffer.type(self.suggestion)
            case "left" | "ctrl-b":
                buffer.move(buffer.before)
            case "right" | "ctrl-f":
                buffer.move(buffer.after)
            case "home" | "ctrl-a":
                buffer.move(buffer.line_start)
            case "end" | "ctrl-e":
                buffer.move(buffer.line_end)
            case "ctrl-home":
                buffer.move(0)
            case "ctrl-end":
                buffer.move(len(buffer.text))
            case "alt-b" | "ctrl-left" | "alt-left":
                buffer.move(buffer.word_start)
            case "alt-f" | "ctrl-right" | "alt-right":
                buffer.move(buffer.word_end)
            case "backspace" | "ctrl-h" | "shift-backspace":
                buffer.delete(buffer.before, at)
            case "delete" | "ctrl-d":
                buffer.delete(at, buffer.after)
            case "ctrl-w":
                buffer.kill(buffer.blank_word_start, at)
            case "alt-backspace" | "ctrl-alt-h" | "ctrl-backspace":
                buffer.kill(buffer.word_start, at)
            case "alt-d" | "ctrl-delete":
                buffer.kill(at, buffer.word_end)
            case "ctrl-u":
                buffer.kill(min(buffer.line_start, buffer.before), at)
            case "ctrl-k":
                buffer.kill(at, max(buffer.line_end, buffer.after))
            case "ctrl-y":
                buffer.yank()
            case "alt-y":
                buffer.yank_older()
            case "ctrl-t":
                buffer.transpose()
            case "ctrl-_":
                buffer.undo()
            case _:
                return False
        return True

    def _browse(self, step: int) -> bool:
        """Go to an older or newer input; return whether there is one."""
        target = self._at + step
        if not 0 <= target <= len(self._history):
            return False
        if self._at == len(self._history) or self.text != self._history[self._at]:
            self._edited[self._at] = self._buffer.text
        self._at = target
        inner = self._edited.get(target)
        if inner is None:
            inner = self._fold_large(self._history[target])
        self._buffer.load(inner)
        return True

    def _handle_search(self, search: HistorySearch, key: Key) -> bool:
        """Handle a key of a search; return False if it ends the search unhandled."""
        match key.name:
            case "ctrl-r":
                search.older()
            case "ctrl-s":
                search.newer()
            case "backspace" | "ctrl-h":
                search.rub_out()
            case "escape" | "ctrl-g" | "ctrl-c":
                self._search = None
            case "enter":
                self._end_search()
            case _ if key.text:
                search.type(clean_input(key.text))
            case _:
                self._end_search()
                return False
        return True

    def _end_search(self) -> None:
        """End a search and keep its result."""
        search, self._search = self._search, None
        if search and search.hit is not None:
            self._buffer.load(self._fold_large(search.hit))

    def _search_content(self, search: HistorySearch, columns: int) -> Content:
        query = clip(search.query, columns // 2)
        word = "not found" if search.failed else "search"
        text, cursor = self._buffer.text, self._buffer.cursor
        if search.hit is not None:
            # Show only the line of the hit, even of a large input.
            start = search.hit.rfind("\n", 0, search.position) + 1
            text = search.hit[start:].partition("\n")[0]
            cursor = search.position - start
        return Content(
            text=text,
            cursor=cursor,
            prompt=f"({word}) {query}: ",
            hint="",
            label=self._folds.label,
            styles=self.styles,
        )

    def _fold_large(self, text: str) -> str:
        return self._folds.fold(text) if is_large(text) else text

    def _begin_anew(self) -> None:
        self._offered = ""
        self._search = None
        self._buffer.reset()
        self._folds.forget_except(self._buffer.kills)
        self._edited.clear()
        self._at = len(self._history)
