"""On which terms a task runs: when it may start, and how long it may take."""

from __future__ import annotations

from typing import Final

import msgspec

DEFAULT_GROUP: Final = "default"
"""The group of a task that names none."""

Needs = tuple[tuple[str, float], ...]
"""Names of resources, and how much of each."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """On which terms a task runs.

    Attributes:
        priority: Higher numbers start first; tasks of equal priority in their order.
        held: Whether it waits until somebody releases it.
        after: The tasks that must be complete before it starts.
        after_failed: The tasks that must have failed before it starts.
        after_any: The tasks that must have ended, in whatever way, before it starts.
        group: Whose slots it takes.
        needs: Which named resources it takes while it runs, and how much of each.
    """

    priority: int = 0
    held: bool = False
    after: tuple[int, ...] = ()
    after_failed: tuple[int, ...] = ()
    after_any: tuple[int, ...] = ()
    group: str = DEFAULT_GROUP
    needs: Needs = ()


PLAIN: Final = Terms()
"""The terms of a task that asks for none: it starts as soon as it is its turn."""
