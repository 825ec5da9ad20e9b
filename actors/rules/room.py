"""Room: the slots of groups and the named resources that running tasks take."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

from .resources import SMALLEST, amount_text, units
from .safe_text import brief
from .terms import GroupRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .terms import Needs, Terms

UNLIMITED: Final = 0
"""The number of slots that means no limit."""

_MOST_SLOTS: Final = 1_000_000


class Group:
    """The slots and settings of a group.

    Attributes:
        slots: The number of slots; `UNLIMITED` for no limit.
        running: The number of running tasks.
        paused: Whether the group is paused.
        pause_on_failure: Whether a failed task pauses the group; None if not set.
        why: Why the group was paused automatically.
    """

    __slots__ = (
        "_free",
        "_used",
        "pause_on_failure",
        "paused",
        "running",
        "slots",
        "why",
    )

    def __init__(self) -> None:
        self.slots = UNLIMITED
        self.running = 0
        self.paused = False
        self.pause_on_failure: bool | None = None
        self.why = ""
        self._free: list[int] = []  # heap of slot numbers below `_used` that are free
        self._used = 0

    @property
    def is_full(self) -> bool:
        """Whether all slots are taken."""
        return self.slots != UNLIMITED and self.running >= self.slots

    def take(self, wanted: int | None = None) -> int:
        """Take a slot; return its number, by default the lowest free one."""
        self.running += 1
        if wanted is not None and wanted <= _MOST_SLOTS:
            self._free += range(self._used, wanted + 1)
            self._used = max(self._used, wanted + 1)
            if wanted in self._free:
                self._free.remove(wanted)
                heapq.heapify(self._free)
                return wanted
        if self._free:
            return heapq.heappop(self._free)
        self._used += 1
        return self._used - 1

    def give_back(self, number: int) -> None:
        """Return a slot."""
        self.running -= 1
        heapq.heappush(self._free, number)


class Room:
    """The total and the free slots and resources.

    Resources have the keys of `resource_key`, and amounts are integers in units.
    """

    def __init__(self, resources: Mapping[str, float]) -> None:
        self._groups: dict[str, Group] = {}
        self._capacity = {
            resource_key(name): units(amount) for name, amount in resources.items()
        }
        self._used = dict.fromkeys(self._capacity, 0)

    def group(self, name: str) -> Group:
        """Return the group with this name."""
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group()
        return group

    @property
    def group_rules(self) -> tuple[GroupRules, ...]:
        """The settings of groups that differ from the default, sorted by name."""
        return tuple(
            GroupRules(name, it.slots, it.paused, it.pause_on_failure, it.why)
            for name, it in sorted(self._groups.items())
            if it.slots or it.paused or it.pause_on_failure is not None
        )

    def take(self, terms: Terms, slot: int | None = None) -> int:
        """Take the needs of a task, even if they aren't free; return its slot number.

        Args:
            terms: The terms of the task.
            slot: The wanted slot; by default the lowest free one.
        """
        number = self.group(terms.group).take(slot)
        for name, amount in terms.local_needs:
            key = resource_key(name)
            self._used[key] = self._used.get(key, 0) + units(amount)
        return number

    def give_back(self, terms: Terms, slot: int) -> None:
        """Return what a task has taken."""
        self.group(terms.group).give_back(slot)
        for name, amount in terms.local_needs:
            self._used[resource_key(name)] -= units(amount)

    def capacity(self, key: str) -> int:
        """Return the total amount of a resource."""
        return self._capacity.get(key, 0)

    def free(self, key: str) -> int:
        """Return the free amount of a resource; negative if too much is taken."""
        return self._capacity.get(key, 0) - self._used.get(key, 0)

    def never_enough(self, needs: Needs) -> str | None:
        """Name a resource whose total amount is too small; None if all suffice."""
        for name, amount in needs:
            total = self._capacity.get(resource_key(name))
            if total is None:
                names = sorted(it.partition(" ")[2] for it in self._capacity)
                if not names:
                    return f"unknown resource {brief(name)}; none are set"
                known = ", ".join(names)
                return f"unknown resource {brief(name)}; the resources are: {known}"
            if units(amount) > total:
                what = f"{name}={amount_text(amount)}"
                return f"{what} is more than the total of {units_text(total)}"
        return None


def group_key(name: str) -> str:
    """Return the key of a group's slots among all that tasks may lack."""
    return f"group {name}"


def resource_key(name: str) -> str:
    """Return the key of a resource among all that tasks may lack."""
    return f"resource {name}"


def units_text(amount: int) -> str:
    """Format an amount in units as people type it."""
    return amount_text(amount * SMALLEST)
