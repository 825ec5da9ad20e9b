"""Who owns what is held on a cluster, and how long it stays without an owner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LEASE: Final = 60.0
"""Seconds for which something stays on a cluster that no owner has renewed."""

RENEWALS: Final = 4
"""How often in the time of a lease its owner renews what it holds."""

TAKEN_OVER: Final = "another host of the session has taken over its jobs"


class OwnerError(Exception):
    """A newer process of the session has taken over."""


class Lease:
    """Holds names until their owner has not renewed them for a while.

    An owner is a number; one that is higher takes over, and lower ones are refused.
    """

    def __init__(self, seconds: float) -> None:
        self.owner = 0
        self._seconds = seconds
        self._seen = time.monotonic()
        self._until: dict[str, float] = {}

    def check(self, owner: int) -> None:
        """Note that an owner is there.

        Raises:
            OwnerError: If there is a newer one.
        """
        if owner < self.owner:
            raise OwnerError(TAKEN_OVER)
        self._seen = time.monotonic()
        if owner > self.owner:
            self.owner = owner
            # It has that long to find out which of these it knows.
            self._extend(self._until)

    def hold(self, name: str) -> None:
        """Hold a name from now on."""
        self._until[name] = time.monotonic() + self._seconds

    def drop(self, name: str) -> None:
        """Hold a name no longer."""
        self._until.pop(name, None)

    def renew(self, owner: int, names: Iterable[str]) -> None:
        """Hold names for longer, those of them that are held.

        Raises:
            OwnerError: If there is a newer owner.
        """
        self.check(owner)
        self._extend(it for it in names if it in self._until)

    def expired(self) -> list[str]:
        """Return the names that were not renewed in time, and hold them no longer."""
        now = time.monotonic()
        over = [name for name, until in self._until.items() if until <= now]
        for name in over:
            del self._until[name]
        return over

    @property
    def is_over(self) -> bool:
        """Whether no owner has been there for so long."""
        return time.monotonic() >= self._seen + self._seconds

    def _extend(self, names: Iterable[str]) -> None:
        until = time.monotonic() + self._seconds
        for name in [*names]:
            self._until[name] = until
