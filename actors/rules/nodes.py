"""The machines of a cluster, as people want to know them."""

from __future__ import annotations

import re
from typing import Final

import msgspec

ADDRESS: Final = r"\A(auto|\S+:\d{1,5})\Z"
"""The pattern of what the head of a cluster is reached by."""


def is_address(text: str) -> bool:
    """Tell whether the head of a cluster can be reached by a text."""
    return re.match(ADDRESS, text) is not None


class Node(msgspec.Struct, frozen=True):
    """One machine of a cluster.

    Attributes:
        name: Its name.
        total: Its resources.
        free: The amounts that are not reserved.
        jobs: How many jobs of this session it runs.
    """

    name: str
    total: dict[str, float]
    free: dict[str, float]
    jobs: int = 0
