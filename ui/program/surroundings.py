"""Whether the chat can be drawn here; found out without loading what draws it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_drawable(
    environ: Mapping[str, str] | None = None, stdin: int = 0, stdout: int = 1
) -> bool:
    """Tell whether the chat can be drawn here; otherwise there is line mode.

    Args:
        environ: The environment, by default that of this process.
        stdin: The file descriptor that is read.
        stdout: The file descriptor that is drawn on.

    Returns:
        Whether both are terminals, and `TERM` names one that can move its cursor.
    """
    kind = (os.environ if environ is None else environ).get("TERM", "")
    if kind in {"", "dumb", "unknown"}:
        return False
    return os.isatty(stdin) and os.isatty(stdout)
