"""What is set for the whole queue: its slots, its pause, and its groups."""

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
        """Whether nothing starts."""
        self.slots: int | None = None
        """How many tasks run at a time, if that was set."""

    def restore(self, rules: QueueRules) -> None:
        """Set what was set in an earlier life of the session."""
        for group in rules.groups:
            self.set_group(group.name, group.slots)
            self.set_paused(group.name, paused=group.paused, why=group.why)
            self.set_pause_on_failure(group.name, pauses=group.pause_on_failure)
        self.slots = rules.slots
        self.paused = rules.paused

    @property
    def rules(self) -> QueueRules:
        """All of them, to be written down and shown."""
        return QueueRules(self.paused, self._room.group_rules, self.slots)

    def set_group(self, name: str, slots: int) -> None:
        """Set how many tasks of a group run at a time; `UNLIMITED` for no limit."""
        self._room.group(name).slots = slots
        if slots != UNLIMITED:
            self._lines.drop_holds(name)
        self._lines.wake(group_key(name))

    def set_paused(self, group: str | None, *, paused: bool, why: str = "") -> None:
        """Start no task of a group, or none at all, until that is undone.

        Args:
            group: Which; `None` for all.
            paused: Whether to start none, or some again.
            why: Why a group is paused, if nobody asked for it.
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
        """Tell whether no task of a group may start: all is paused, or the group."""
        return self.paused or self._room.group(group).paused

    def pause_on_failure(self, group: str) -> bool | None:
        """Tell whether a group is paused when one fails; `None` if not said."""
        return self._room.group(group).pause_on_failure

    def set_pause_on_failure(self, group: str, *, pauses: bool | None) -> None:
        """Say whether a group is paused when one of its tasks fails."""
        self._room.group(group).pause_on_failure = pauses
