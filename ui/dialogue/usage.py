"""Format the resource usage of a task: time, memory, disks, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...actors.rules.safe_text import size_text
from ..text.theme import duration_text
from .answers import Activity

if TYPE_CHECKING:
    from ...actors.processes.activity import VitalSigns
    from ...actors.rules.figures import Figures
    from .last_runs import Estimate
    from .lookups import TaskLook


def figures_text(figures: Figures) -> str:
    """Return a task's total usage: `1.5s of CPU, 150 MiB of memory at its peak`."""
    parts = [f"{duration_text(figures.cpu)} of CPU"]
    if figures.peak_memory is not None:
        before = "at most " if figures.at_most else ""
        parts.append(f"{before}{size_text(figures.peak_memory)} of memory at its peak")
    return ", ".join([*parts, *_disks(figures.read, figures.written)])


def activity_of(
    look: TaskLook, earlier: VitalSigns | None, estimate: Estimate | None
) -> Activity:
    """Return the activity of a running task, for programs.

    `earlier` is the previous measurement of its processes.
    """
    left = None if estimate is None else estimate.left
    signs = look.signs
    if signs is None:
        return Activity(look.silence, seconds_left=left)
    now = None
    if earlier is not None and signs.at > earlier.at:
        now = max(0.0, signs.cpu - earlier.cpu) / (signs.at - earlier.at)
    return Activity(
        look.silence,
        signs.processes,
        signs.cpu,
        now,
        signs.memory,
        signs.peak,
        signs.read,
        signs.written,
        look.limits,
        left,
    )


def usage_facts(signs: VitalSigns | None, limits: str) -> list[tuple[str, str]]:
    """Return the current usage of a running task, as names and texts of facts."""
    facts: list[tuple[str, str]] = []
    if signs is not None and signs.memory is not None:
        text = f"{size_text(signs.memory)} now"
        if signs.peak:
            text += f", {size_text(signs.peak)} at the peak of its largest process"
        facts.append(("memory", text))
        disks = _disks(signs.read or 0, signs.written or 0)
        if disks:
            facts.append(("disks", ", ".join(disks)))
    if limits:
        facts.append(("limits", limits))
    return facts


def _disks(read: int, written: int) -> list[str]:
    given = ((read, "read"), (written, "written"))
    return [f"{size_text(size)} {what}" for size, what in given if size]
