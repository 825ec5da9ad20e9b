"""Reports on the nodes of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors.rules.resources import amount_text
from ...actors.rules.safe_text import safe_line
from ...actors.rules.terms import PLAIN
from .reports import some_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors import NodesFound, Task

_NAMED: Final = 10  # tasks of a node


def node_lines(found: NodesFound, running: Iterable[Task]) -> list[str]:
    """Return a line for each node, with its free resources and running tasks."""
    if found.problem:
        return [f"{found.engine}: {found.problem}"]
    count = len(found.nodes)
    lines = [f"{found.engine}: {count} node{'' if count == 1 else 's'}"]
    tasks = [it for it in running if (it.terms or PLAIN).engine == found.engine]
    for node in found.nodes:
        free = ", ".join(
            f"{name} {amount_text(node.free.get(name, 0.0))} of {amount_text(total)}"
            for name, total in sorted(node.total.items())
        )
        here = [f"#{it.id} {it.description}" for it in tasks if it.node == node.name]
        what = some_of(here, len(here), _NAMED) or "no task of this session"
        lines.append(safe_line(f"  {node.name}  free: {free}; runs {what}"))
    if waiting := sum(1 for it in tasks if not it.node):
        lines.append(f"  {waiting} waiting for room")
    return lines
