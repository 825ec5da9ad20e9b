"""The machines of a cluster, as people want to know them."""

from __future__ import annotations

import msgspec


class Node(msgspec.Struct, frozen=True):
    """One machine of a cluster.

    Attributes:
        name: What it is called.
        total: Which resources it has.
        free: How much of them nobody has reserved.
        jobs: How many jobs of this session it runs.
    """

    name: str
    total: dict[str, float]
    free: dict[str, float]
    jobs: int = 0
