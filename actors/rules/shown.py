"""The subscribers that show changes to a person, and the changes shown so far."""

from __future__ import annotations


class ShownTracker:
    """Tracks which changes the subscribers of one session have shown.

    A change counts as shown when any subscriber has shown it, since all serve the same
    person.
    """

    def __init__(self) -> None:
        self._subscribers: list[object] = []
        self._told = 0
        self._shown = 0

    def note(self, subscriber: object, *, shows: bool) -> None:
        """Record whether a subscriber shows changes, from now on."""
        if subscriber not in self._subscribers:
            if shows:
                self._subscribers.append(subscriber)
        elif not shows:
            self._subscribers.remove(subscriber)

    def shows(self, subscriber: object) -> bool:
        """Return whether a subscriber shows changes."""
        return subscriber in self._subscribers

    def note_told(self, seq: int) -> None:
        """Record that a change to be shown was sent to all subscribers."""
        if self._subscribers:
            self._told = max(self._told, seq)

    def note_shown(self, seq: int) -> bool:
        """Record that all changes up to this one have been shown.

        Returns:
            Whether any of them had not been shown before.
        """
        before, self._shown = self._shown, max(self._shown, seq)
        return self._shown > before

    @property
    def is_owed(self) -> bool:
        """Whether a change was sent to a subscriber that has not shown it yet."""
        return bool(self._subscribers) and self._shown < self._told
