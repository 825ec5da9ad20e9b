"""What running tasks take of: the slots of groups, and the named resources."""

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
"""As a number of slots: as many as there are tasks."""

_MOST_SLOTS: Final = 1_000_000


class Group:
    """How many tasks of a group may run, and how many do.

    Attributes:
        slots: How many may; `UNLIMITED` for no limit.
        running: How many do.
        paused: Whether no more of them may start.
        pause_on_failure: Whether one that fails pauses it, if that was said.
        why: Why it is paused, if nobody asked for it.
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
        self._free: list[int] = []  # numbers of slots that were used and are free again
        self._used = 0

    @property
    def is_full(self) -> bool:
        """Whether all of its slots are taken."""
        return self.slots != UNLIMITED and self.running >= self.slots

    def take(self, wanted: int | None = None) -> int:
        """Take a slot; return its number, by default the lowest that is free."""
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
        """Give a slot back."""
        self.running -= 1
        heapq.heappush(self._free, number)


class Room:
    """The slots and resources that there are, and how much of them is taken.

    Resources have the keys of `resource_key`, and amounts are whole numbers of units.
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
        """What is set for groups, by name."""
        return tuple(
            GroupRules(name, it.slots, it.paused, it.pause_on_failure, it.why)
            for name, it in sorted(self._groups.items())
            if it.slots or it.paused or it.pause_on_failure is not None
        )

    def take(self, terms: Terms, slot: int | None = None) -> int:
        """Take what a task needs, free or not; return its slot.

        That is the one it wants; by default the lowest that is free.
        """
        number = self.group(terms.group).take(slot)
        for name, amount in terms.local_needs:
            key = resource_key(name)
            self._used[key] = self._used.get(key, 0) + units(amount)
        return number

    def give_back(self, terms: Terms, slot: int) -> None:
        """Give back what a task has taken."""
        self.group(terms.group).give_back(slot)
        for name, amount in terms.local_needs:
            self._used[resource_key(name)] -= units(amount)

    def capacity(self, key: str) -> int:
        """Return how much there is of a resource."""
        return self._capacity.get(key, 0)

    def free(self, key: str) -> int:
        """Return how much of a resource is free; below 0 if too much is taken."""
        return self._capacity.get(key, 0) - self._used.get(key, 0)

    def never_enough(self, needs: Needs) -> str | None:
        """Say which resource is smaller than what is needed; `None` if all suffice."""
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
                return f"{what} is more than there is ({units_text(total)})"
        return None


def group_key(name: str) -> str:
    """Return by what a group is known among what tasks may lack."""
    return f"group {name}"


def resource_key(name: str) -> str:
    """Return by what a resource is known among what tasks may lack."""
    return f"resource {name}"


def units_text(amount: int) -> str:
    """Write a number of units as people type it."""
    return amount_text(amount * SMALLEST)
