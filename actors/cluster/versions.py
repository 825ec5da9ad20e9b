"""The versions that must be the same on this machine and on the nodes."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from typing import Final

from ..rules.safe_text import safe_line
from .backend import ClusterError

_OF_RAY: Final = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


def our_version() -> str:
    """Return the versions that must match between this machine and the nodes."""
    python = ".".join(map(str, sys.version_info[:2]))
    return f"backburner {version('backburner')} on Python {python}"


def check_version(node: str, there: str, here: str) -> None:
    """Reject a node whose `our_version` differs from that of this machine.

    Raises:
        ClusterError: If they differ.
    """
    if there != here:
        raise ClusterError(
            f"the node {node} has {safe_line(there)}, and this machine has {here};"
            " install the same on both"
        )


def versions_of_ray(error: str) -> str | None:
    """Translate Ray's error about different versions into one line.

    Returns:
        None if the error is another one.
    """
    found = _OF_RAY.findall(error)
    if "ersion mismatch" not in error or len(found) != 2:  # noqa: PLR2004 - both sides
        return None
    (ray, python), (own_ray, own_python) = found
    return (
        f"it has Ray {ray} on Python {python}, and {sys.executable} has Ray {own_ray}"
        f" on Python {own_python}; install the same, or name a Python that has it by"
        " [cluster] python"
    )
