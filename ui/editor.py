"""The input editor: keys in, rows out; it knows neither terminal nor thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from .rows import Row, Style

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .keys import Key, Paste

FOLD_LINES: Final = 10
"""A paste of more lines than this is folded."""

FOLD_LENGTH: Final = 2000
"""A paste of more characters than this is folded."""


class EditorStyles(msgspec.Struct, frozen=True):
    """How the parts of the input look."""

    text: Style = Style()
    prompt: Style = Style(bold=True)
    faint: Style = Style(dim=True)
    folded: Style = Style(reverse=True)


class Rendered(msgspec.Struct, frozen=True):
    """What `Editor.render` draws.

    Attributes:
        rows: At least one, at most as many as asked for; none wider than asked for.
        cursor: Row and column in them, from 0.
    """

    rows: tuple[Row, ...]
    cursor: tuple[int, int]


class Editor:
    """One input with its history, undo and kill ring.

    Text is made safe as it comes in: it never holds control characters other than
    line breaks and tabs. Positions are indices into `text`.

    Args:
        history: Earlier inputs, oldest first.
        styles: How it looks.
    """

    def __init__(
        self, history: Iterable[str] = (), styles: EditorStyles | None = None
    ) -> None:
        self.styles = styles or EditorStyles()
        raise NotImplementedError

    @property
    def text(self) -> str:
        """All of the input, with folded pastes in full."""
        raise NotImplementedError

    @property
    def cursor(self) -> int:
        """Where the cursor is in `text`; never inside a folded paste."""
        raise NotImplementedError

    @property
    def searching(self) -> bool:
        """Whether Ctrl+R is under way; every key belongs to the editor then."""
        raise NotImplementedError

    @property
    def suggestion(self) -> str:
        """What Right or End would add from the history; empty if there is nothing."""
        raise NotImplementedError

    def handle(self, event: Key | Paste) -> bool:
        """Take a key or a paste.

        Enter, Tab, Escape, Ctrl+C, Ctrl+D on an empty input, and whatever edits
        nothing are left to the caller, unless a search is under way.

        Returns:
            Whether the event was used up.
        """
        raise NotImplementedError

    def insert(self, text: str) -> None:
        """Put text in at the cursor, as if it was typed; never folded."""
        raise NotImplementedError

    def paste(self, text: str) -> None:
        """Put text in at the cursor; folded if it is large."""
        raise NotImplementedError

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a part of `text`, and put the cursor after it; can be undone.

        A folded paste that is only partly inside is replaced whole.
        """
        raise NotImplementedError

    def set_text(self, text: str) -> None:
        """Replace everything, with the cursor at the end; can be undone."""
        raise NotImplementedError

    def unfold(self) -> bool:
        """Show the folded paste at the cursor in full, to edit it (Ctrl+O).

        Returns:
            Whether there was one.
        """
        raise NotImplementedError

    def clear(self) -> str:
        """Empty the input and leave history and search.

        Returns:
            What was in it.
        """
        raise NotImplementedError

    def submit(self) -> str:
        """Empty the input, and remember what was in it as the newest of the history.

        Returns:
            What was in it.
        """
        raise NotImplementedError

    def render(
        self, columns: int, max_rows: int, prompt: str = "> ", placeholder: str = ""
    ) -> Rendered:
        """Draw the input so that the cursor is seen.

        Long lines wrap, and scroll up and down; in a single row they scroll sideways.

        Args:
            columns: How wide it may be, at least 1.
            max_rows: How high it may be, at least 1.
            prompt: Stands before the first line; while searching, the search does.
            placeholder: Stands in an empty input.
        """
        raise NotImplementedError
