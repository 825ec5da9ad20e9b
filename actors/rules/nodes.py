"""The nodes of a cluster."""

from __future__ import annotations

import re
from typing import Final

import msgspec

ADDRESS: Final = r"\A(auto|\S+:\d{1,5})\Z"
"""The pattern of the address of a cluster's head node."""


def is_address(text: str) -> bool:
    """Return whether a text is a valid address of a cluster's head node."""
    return re.match(ADDRESS, text) is not None


class Node(msgspec.Struct, frozen=True):
    """One node of a cluster.

    Attributes:
        name: Its name.
        total: The total amounts of its resources.
        free: The amounts that are not reserved.
        jobs: The number of this session's jobs on it.
    """

    name: str
    total: dict[str, float]
    free: dict[str, float]
    jobs: int = 0
