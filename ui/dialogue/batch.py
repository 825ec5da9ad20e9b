"""Several tasks from one command: in each, a value replaces `{}`.

The functions raise `UsageError` without values, with too many, or without a `{}`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskRequest, Terms
from ...actors.rules.safe_text import brief
from .arguments import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLACE: Final = "{}"
"""The placeholder that a value replaces."""

MOST: Final = 1000
"""Maximum number of tasks in a batch."""

# Compiled on first use: compiling it at import would slow down each start.
_RANGE: Final = r"(?a)(-?\d{1,999})\.\.(-?\d{1,999})"


def read_values(text: str) -> tuple[str, ...]:
    """Return the values of a range such as `1..10` or a list such as `a,b`.

    A range counts down if it ends below its start. A leading zero gives all numbers the
    same width, as in bash.
    """
    match = re.fullmatch(_RANGE, text.strip())
    if match is None:
        values = [it.strip() for it in text.split(",")]
        if not all(values):
            raise UsageError(
                f"{brief(text)} is not a range or a list; write 1..10, or a,b,c"
            )
    else:
        first, last = int(match[1]), int(match[2])
        step = 1 if first <= last else -1
        if abs(last - first) >= MOST:
            raise UsageError(f"a batch has at most {MOST} tasks")
        padded = any(re.fullmatch(r"-?0\d+", it) for it in match.groups())
        width = max(map(len, match.groups())) if padded else 0
        values = [f"{it:0{width}}" for it in range(first, last + step, step)]
    return checked(values)


def read_lines(text: str) -> tuple[str, ...]:
    """Return the values in a file: its lines, without empty lines and `#` comments."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return checked([it for it in lines if it and not it.startswith("#")])


def checked(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values if a batch may have that many."""
    if not values:
        raise UsageError("there is nothing to add: every line is empty or a comment")
    if len(values) > MOST:
        raise UsageError(f"a batch has at most {MOST} tasks, not {len(values)}")
    return tuple(values)


def filled(text: str, value: str, *, quoted: bool) -> str:
    """Return a text with each `{}` replaced by a value.

    Args:
        text: A shell command, or a text for people.
        value: The value.
        quoted: Whether to quote the value as one word for a shell. In a command that is
            only `{}` the value is never quoted.
    """
    if quoted and text.strip() != PLACE:
        import shlex  # noqa: PLC0415 - most tasks are added one by one

        value = shlex.quote(value)
    return text.replace(PLACE, value)


def each_request(
    request: TaskRequest, values: Iterable[str], max_fails: int | None
) -> list[TaskRequest]:
    """Return a request for each value, all in one batch."""
    if not any(PLACE in it for it in request.args):
        raise UsageError("the command needs a {} in place of the value")
    terms = msgspec.structs.replace(
        request.terms or Terms(), batch=f"b{os.urandom(4).hex()}", max_fails=max_fails
    )
    quoted = request.kind == "bash"
    return [
        msgspec.structs.replace(
            request,
            description=filled(request.description, value, quoted=False),
            args=tuple(filled(it, value, quoted=quoted) for it in request.args),
            terms=terms,
        )
        for value in values
    ]
