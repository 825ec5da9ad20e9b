"""The state of a task's output at a check."""

from __future__ import annotations

import msgspec


def contradiction_of_numbers(size: int, progress: int | None) -> str | None:
    """Return why a size or a progress is invalid; None if both are valid."""
    if size < 0:
        return "a size must be 0 or more bytes"
    if progress is not None and not 0 <= progress <= 100:  # noqa: PLR2004 - percent
        return "progress must be from 0 to 100"
    return None


class OutputNews(msgspec.Struct, frozen=True, gc=False):
    """The state of a task's output at a check.

    Attributes:
        size: Bytes written so far.
        last_line: The last line that isn't blank, safe to show.
        progress: Percent, 0 to 100; None if unknown.
    """

    size: int
    last_line: str | None = None
    progress: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: If the size is negative, or the progress is not a percentage.
        """
        problem = contradiction_of_numbers(self.size, self.progress)
        if problem:
            raise ValueError(f"news of output: {problem}")
