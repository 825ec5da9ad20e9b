"""The kinds that are installed in this environment as entry points."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, cast

from ..rules.safe_text import safe_line
from .registry import Kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .kind import Kind

GROUP: Final = "backburner.kinds"
"""The group of the entry points: each names a kind, or a factory of one."""


def installed_kinds(own: Iterable[Kind]) -> Kinds:
    """Return the given kinds and, after them, the installed ones with new names.

    A kind that can't be loaded is left out and reported in `Kinds.problems`. Blocks
    while the packages of the environment are searched, which takes about 2 ms, and runs
    code of packages that have such an entry point.
    """
    kinds, problems = [*Kinds(own)], list[str]()
    if not _may_be_there():
        return Kinds(kinds)
    # This import takes longer than the search of all packages.
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in sorted(entry_points(group=GROUP)):
        try:
            loaded = point.load()
            kind = cast("Kind", loaded() if callable(loaded) else loaded)
            Kinds([*kinds, kind])  # raises if it is not a kind
        except Exception as error:  # noqa: BLE001 - anybody's code; told below
            why = safe_line(f"{type(error).__name__}: {error}")
            which = f"{point.name!r} ({point.value})"
            problems.append(f"the installed kind {which} is left out: {why}")
        else:
            kinds.append(kind)
    return Kinds(kinds, problems)


def _may_be_there() -> bool:
    """Return whether a package names the group; reads few files, without imports."""
    group = f"[{GROUP}]".encode()
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - many
        except OSError:
            continue
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            try:
                with open(f"{folder}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123 - the same
                    if group in file.read():
                        return True
            except OSError:
                continue
    return False
