"""File names that the popup proposes in a bash command, and the search for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors.rules.record import ChangingRecord
from ....actors.rules.safe_text import safe_line
from ...dialogue.completers import Proposal
from ...dialogue.names import FindNames
from ...dialogue.shell_words import ShellWord, last_word, written
from .popup import Popup

if TYPE_CHECKING:
    from ...dialogue.names import FoundNames

_FRESH: Final = 2.0
"""Seconds for which found names are cached."""


class Paths(ChangingRecord):
    """The last result, and the pending search.

    Attributes:
        found: The names that were found last.
        found_at: When they were found, in seconds of the monotonic clock.
        asked_for: The text before the cursor when Tab requested names.
        wanted: The next search.
        searching: Whether a search is running.
    """

    found: FoundNames | None = None
    found_at: float = 0.0
    asked_for: str | None = None
    wanted: FindNames | None = None
    searching: bool = False

    def ask(self, before: str) -> bool:
        """Request names for a text, because Tab was pressed.

        Returns:
            Whether the text ends with a word that a name can replace.
        """
        word = word_before(before)
        if word is None:
            return False
        self.asked_for = before
        self.wanted = _names_for(word)
        return True

    def look(self, before: str, now: float) -> None:
        """Request names for a text, if they are proposed without Tab."""
        word = word_before(before)
        if word is None or not (_unasked(word) or before == self.asked_for):
            self.wanted = None
            return
        wanted = _names_for(word)
        fresh = now - self.found_at < _FRESH
        if self.found is None or not fresh or not _covers(self.found, wanted):
            self.wanted = wanted

    def take_wanted(self) -> FindNames | None:
        """Return the next search and mark it as running; None while one is running."""
        if self.searching or self.wanted is None:
            return None
        wanted, self.wanted = self.wanted, None
        self.searching = True
        return wanted

    def take(self, found: FoundNames | None, now: float) -> str | None:
        """Take the result of a search, or None if it failed.

        Returns:
            The text for which Tab requested names, unless another search follows.
        """
        self.searching = False
        self.found, self.found_at = found, now
        if self.wanted is not None and (
            found is None or not _covers(found, self.wanted)
        ):
            return None
        self.wanted = None
        return self.asked_for

    def popup(self, before: str) -> Popup | None:
        """Return the proposals for a text; None if there are none."""
        word, found = word_before(before), self.found
        if word is None or found is None or not _covers(found, _names_for(word)):
            return None
        if not (_unasked(word) or before == self.asked_for):
            return None
        typed = before[len(before) - _length(word, before) :]
        proposals = tuple(
            Proposal(text, safe_line(name))
            for name in found.names
            if name.startswith(word.name) and _shows(name, word.name)
            if (text := written(word, name)) is not None
        )
        if not proposals or [p.text for p in proposals] == [typed]:
            return None
        form = "" if found.is_whole else "more names than are listed; type on"
        return Popup(typed, proposals, start=len(before) - len(typed), form=form)


def word_before(before: str) -> ShellWord | None:
    """Return the last word of a text, if the text is a bash command."""
    command = _command(before)
    return None if command is None else last_word(command)


def _command(before: str) -> str | None:
    # This import loads all commands.
    from ...dialogue.parse import bash_part  # noqa: PLC0415 - not for the first frame

    last = before[before.rfind("\n") + 1 :]
    # Of several commands use the last one; a script may span several lines.
    return bash_part(last) if bash_part(last) is not None else bash_part(before)


def _length(word: ShellWord, before: str) -> int:
    return len(_command(before) or "") - word.start


def _names_for(word: ShellWord) -> FindNames:
    programs = word.is_command and not word.folder and not word.expands
    return FindNames(word.folder, word.name, word.expands, programs)


def _unasked(word: ShellWord) -> bool:
    """Return whether names for a word are proposed without Tab."""
    if word.folder:
        return True
    return bool(word.name) and not word.is_command and not word.name.startswith("-")


def _covers(found: FoundNames, wanted: FindNames) -> bool:
    """Return whether found names include all wanted names."""
    had = found.wanted
    if had == wanted:
        return True
    same = (had.folder, had.expands, had.programs) == (
        wanted.folder,
        wanted.expands,
        wanted.programs,
    )
    if not (same and found.is_whole and wanted.begins.startswith(had.begins)):
        return False
    # Hidden names are found only after a dot.
    return wanted.begins.startswith(".") == had.begins.startswith(".")


def _shows(name: str, begins: str) -> bool:
    return not name.startswith(".") or begins.startswith(".")
