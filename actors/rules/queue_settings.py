"""The settings of the queue: its slots, its pause, and its groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .room import UNLIMITED, group_key
from .terms import QueueRules

if TYPE_CHECKING:
    from .room import Room
    from .waiting_lines import WaitingLines


class QueueSettings:
    """The settings of the queue and of its groups."""

    def __init__(self, room: Room, lines: WaitingLines) -> None:
        self._room = room
        self._lines = lines
        self.paused = False
        """Whether the queue is paused."""
        self.slots: int | None = None
        """How many tasks run at a time; None if not set."""

    def restore(self, rules: QueueRules) -> None:
        """Load the stored settings."""
        for group in rules.groups:
            self.set_group(group.name, group.slots)
            self.set_paused(group.name, paused=group.paused, why=group.why)
            self.set_pause_on_failure(group.name, pauses=group.pause_on_failure)
        self.slots = rules.slots
        self.paused = rules.paused

    @property
    def rules(self) -> QueueRules:
        """All settings."""
        return QueueRules(self.paused, self._room.group_rules, self.slots)

    def set_group(self, name: str, slots: int) -> None:
        """Set how many tasks of a group run at a time; `UNLIMITED` for no limit."""
        self._room.group(name).slots = slots
        if slots != UNLIMITED:
            self._lines.drop_holds(name)
        self._lines.wake(group_key(name))

    def set_paused(self, group: str | None, *, paused: bool, why: str = "") -> None:
        """Pause or resume a group or the queue.

        Args:
            group: The group; None for the queue.
            paused: Whether to pause; otherwise resume.
            why: Why a group is paused automatically.
        """
        if group is None:
            self.paused = paused
            return
        found = self._room.group(group)
        found.paused, found.why = paused, why
        if paused:
            self._lines.drop_holds(group)
        else:
            self._lines.wake(group_key(group))

    def is_paused(self, group: str) -> bool:
        """Return whether a group or the whole queue is paused."""
        return self.paused or self._room.group(group).paused

    def pause_on_failure(self, group: str) -> bool | None:
        """Return whether a failed task pauses its group; None if not set."""
        return self._room.group(group).pause_on_failure

    def set_pause_on_failure(self, group: str, *, pauses: bool | None) -> None:
        """Set whether a failed task pauses its group."""
        self._room.group(group).pause_on_failure = pauses
