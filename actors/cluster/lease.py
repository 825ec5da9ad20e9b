"""Leases of jobs and rooms on a cluster, and their owner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

LEASE: Final = 60.0
"""Seconds after which anything not renewed by an owner ends on the cluster."""

RENEWALS: Final = 4
"""Number of renewals per lease."""

TAKEN_OVER: Final = "another host of the session has taken over its jobs"


class OwnerError(Exception):
    """A newer process of the session has taken over."""


class Lease:
    """Holds names until their owner has not renewed them for a while.

    An owner is a number; a higher one takes over, and lower ones are rejected.
    """

    def __init__(self, seconds: float) -> None:
        self.owner = 0
        self._seconds = seconds
        self._seen = time.monotonic()
        self._until: dict[str, float] = {}

    def check(self, owner: int) -> None:
        """Record that an owner has called.

        Raises:
            OwnerError: If there is a newer owner.
        """
        if owner < self.owner:
            raise OwnerError(TAKEN_OVER)
        self._seen = time.monotonic()
        if owner > self.owner:
            self.owner = owner
            # A new owner gets this time to find out which names it knows.
            self._extend(self._until)

    def hold(self, name: str) -> None:
        """Start to hold a name."""
        self._until[name] = time.monotonic() + self._seconds

    def drop(self, name: str) -> None:
        """Stop holding a name."""
        self._until.pop(name, None)

    def renew(self, owner: int, names: Iterable[str]) -> None:
        """Extend the leases of those names that are held.

        Raises:
            OwnerError: If there is a newer owner.
        """
        self.check(owner)
        self._extend(it for it in names if it in self._until)

    def expired(self) -> list[str]:
        """Remove and return the names that were not renewed in time."""
        now = time.monotonic()
        over = [name for name, until in self._until.items() if until <= now]
        for name in over:
            del self._until[name]
        return over

    @property
    def is_over(self) -> bool:
        """Whether no owner has called for the time of a lease."""
        return time.monotonic() >= self._seen + self._seconds

    def _extend(self, names: Iterable[str]) -> None:
        until = time.monotonic() + self._seconds
        for name in [*names]:
            self._until[name] = until
