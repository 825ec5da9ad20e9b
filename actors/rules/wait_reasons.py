"""The reasons of waiting tasks, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .moment import local_time
from .resources import amount_text, units
from .room import UNLIMITED, Group, Room, group_key, resource_key, units_text

if TYPE_CHECKING:
    from .dependencies import Dependencies
    from .due_times import DueTimes
    from .places import Places
    from .queue_settings import QueueSettings
    from .terms import Terms
    from .waiting_lines import Rank, WaitingLines

PAUSED: Final = "everything is paused"
"""The reason of a task that waits because the queue is paused."""


_NAMED: Final = 3  # maximum number of dependencies that a reason names


def group_paused(group: str, why: str = "") -> str:
    """Return the reason of a task that waits because its group is paused."""
    return f"group {group} is paused{f': {why}' if why else ''}"


class WaitReasons:
    """Determines why tasks wait."""

    def __init__(  # noqa: PLR0913, PLR0917 - everything a task can wait for
        self,
        room: Room,
        lines: WaitingLines,
        places: Places,
        dependencies: Dependencies,
        times: DueTimes,
        settings: QueueSettings,
    ) -> None:
        self._room = room
        self._lines = lines
        self._places = places
        self._dependencies = dependencies
        self._times = times
        self._settings = settings

    def of(self, task_id: int, terms: Terms) -> str | None:
        """Return what a waiting task waits for; None if only for its turn."""
        group = self._room.group(terms.group)
        if terms.held:
            return "held"
        if unmet := self._dependencies.unmet.get(task_id):
            names = ", ".join(f"#{other}" for other in sorted(unmet)[:_NAMED])
            more = f" and {len(unmet) - _NAMED} more" if len(unmet) > _NAMED else ""
            return f"waiting for {names}{more}"
        if (due := self._times.by_id.get(task_id)) is not None:
            return f"starts at {local_time(due)}"
        if self._settings.paused:
            return PAUSED
        if group.paused:
            return group_paused(terms.group, group.why)
        if group.is_full:
            return f"waiting for a slot of {terms.group} ({group.slots} busy)"
        if group.slots == UNLIMITED and not terms.local_needs:
            return None
        return self._lacks(terms, group, self._places.rank(task_id, terms.priority))

    def _lacks(self, terms: Terms, group: Group, rank: Rank) -> str | None:
        if group.slots != UNLIMITED and (
            before := self._lines.holder(group_key(terms.group), rank)
        ):
            return f"waiting for a slot of {terms.group} after #{before[-1]}"
        for name, amount in terms.local_needs:
            key = resource_key(name)
            total = self._room.capacity(key)
            free = max(0, self._room.free(key))
            what = f"needs {name}={amount_text(amount)}"
            if units(amount) > total:
                return f"{what}; the total is {units_text(total)}"
            before = self._lines.holder(key, rank)
            if before is not None or units(amount) > free:
                after = "" if before is None else f", after #{before[-1]}"
                return f"{what}; {units_text(free)} of {units_text(total)} free{after}"
        return None
