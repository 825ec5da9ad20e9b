"""Terminals of tasks: whether they can be shown, and their size."""

from __future__ import annotations

from ...actors import Task, TaskStatus
from ...actors.rules.safe_text import safe_line
from ...actors.rules.terms import PLAIN


def has_terminal(task: Task) -> bool:
    """Return whether a task has, had or will have a terminal."""
    return (task.terms or PLAIN).input == "terminal"


def terminal_size(task: Task) -> tuple[int, int]:
    """Return the last columns and rows of an ended task's terminal."""
    # Imported here, because the first frame does not need it.
    from ...actors.processes.channels import COLUMNS, ROWS  # noqa: PLC0415

    known = task.figures.terminal if task.figures is not None else None
    return known or (COLUMNS, ROWS)


def takes_keys(task: Task) -> bool:
    """Return whether a task has a terminal and is running."""
    return terminal_problem(task) is None


def terminal_problem(task: Task) -> str | None:
    """Return why a task's terminal can't be shown; None if it can."""
    wanted = (task.terms or PLAIN).input
    if wanted is None:
        return f"#{task.id} has no terminal; add it with --pty for one"
    if wanted == "pipe":
        return f"#{task.id} reads from a pipe, not from a terminal; send it lines"
    if task.status is not TaskStatus.RUNNING:
        return f"#{task.id} does not run ({task.status}: {safe_line(task.reason)})"
    return None


def as_line(task: Task, text: str) -> bytes:
    """Return a text as a line of input: on a terminal, with the key Enter."""
    end = b"\r" if has_terminal(task) else b"\n"
    return text.encode("utf-8", "surrogateescape") + end
