"""What the process of the Ray engine is told."""

from __future__ import annotations

import msgspec


class RaySettings(msgspec.Struct, frozen=True, tag="ray"):
    """How a Ray cluster is reached.

    Attributes:
        address: `auto` for the one this machine belongs to, or `HOST:PORT` of its head.
        node_address: The address of the node on this machine, if there are several.
    """

    address: str = "auto"
    node_address: str = ""
