"""Who shows changes to a person, and which have been shown."""

from __future__ import annotations


class ShownTracker:
    """The subscribers of one session that show changes, and how far they are.

    A change counts as shown when one of them says so: it is the person who is owed it,
    not each of the screens.
    """

    def __init__(self) -> None:
        self._subscribers: list[object] = []
        self._told = 0
        self._shown = 0

    def note(self, subscriber: object, *, shows: bool) -> None:
        """Note whether a subscriber shows changes, from now on."""
        if subscriber not in self._subscribers:
            if shows:
                self._subscribers.append(subscriber)
        elif not shows:
            self._subscribers.remove(subscriber)

    def shows(self, subscriber: object) -> bool:
        """Tell whether a subscriber shows changes."""
        return subscriber in self._subscribers

    def note_told(self, seq: int) -> None:
        """Note that all subscribers are told of a change that is to be shown."""
        if self._subscribers:
            self._told = max(self._told, seq)

    def note_shown(self, seq: int) -> bool:
        """Note that all changes up to this one have been shown.

        Returns:
            Whether that is news.
        """
        before, self._shown = self._shown, max(self._shown, seq)
        return self._shown > before

    @property
    def is_owed(self) -> bool:
        """Whether a change has been told to somebody who may show it still."""
        return bool(self._subscribers) and self._shown < self._told
