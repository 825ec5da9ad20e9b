"""The names of files that the popup proposes in a bash command, and their search."""

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
"""Seconds for which names that were found are proposed before they are found anew."""


class Paths(ChangingRecord):
    """What was found last, what is being searched for, and what is to be next.

    Attributes:
        found: The names that were found last.
        found_at: When, in seconds of the monotonic clock.
        asked_for: The text before the cursor for which Tab wants names.
        wanted: What is to be searched for.
        searching: Whether a search has not been answered yet.
    """

    found: FoundNames | None = None
    found_at: float = 0.0
    asked_for: str | None = None
    wanted: FindNames | None = None
    searching: bool = False

    def ask(self, before: str) -> bool:
        """Search for names that fit this text, because somebody pressed Tab.

        Returns:
            Whether a word stands there that a name can take the place of.
        """
        word = word_before(before)
        if word is None:
            return False
        self.asked_for = before
        self.wanted = _names_for(word)
        return True

    def look(self, before: str, now: float) -> None:
        """Search for names that fit this text, if they are proposed unasked."""
        word = word_before(before)
        if word is None or not (_unasked(word) or before == self.asked_for):
            self.wanted = None
            return
        wanted = _names_for(word)
        fresh = now - self.found_at < _FRESH
        if self.found is None or not fresh or not _covers(self.found, wanted):
            self.wanted = wanted

    def take_wanted(self) -> FindNames | None:
        """Return what is to be searched for now; None while a search goes on."""
        if self.searching or self.wanted is None:
            return None
        wanted, self.wanted = self.wanted, None
        self.searching = True
        return wanted

    def take(self, found: FoundNames | None, now: float) -> str | None:
        """Take what was found; None if the search failed.

        Returns:
            The text for which Tab wanted it, unless another search is to follow.
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
        """Return what is proposed for this text; None if nothing is."""
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
    """Return the word at the end of a text, if that is a command for bash."""
    command = _command(before)
    return None if command is None else last_word(command)


def _command(before: str) -> str | None:
    # Loads all commands.
    from ...dialogue.parse import bash_part  # noqa: PLC0415 - not for the first frame

    last = before[before.rfind("\n") + 1 :]
    # Of several commands the last one counts; a script may go over several lines.
    return bash_part(last) if bash_part(last) is not None else bash_part(before)


def _length(word: ShellWord, before: str) -> int:
    return len(_command(before) or "") - word.start


def _names_for(word: ShellWord) -> FindNames:
    programs = word.is_command and not word.folder and not word.expands
    return FindNames(word.folder, word.name, word.expands, programs)


def _unasked(word: ShellWord) -> bool:
    """Tell whether names are proposed though nobody has pressed Tab."""
    if word.folder:
        return True
    return bool(word.name) and not word.is_command and not word.name.startswith("-")


def _covers(found: FoundNames, wanted: FindNames) -> bool:
    """Tell whether the names that were found are, or hold, all that are wanted."""
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
