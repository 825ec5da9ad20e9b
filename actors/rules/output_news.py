"""What a look at the output of a task told."""

from __future__ import annotations

import msgspec


def contradiction_of_numbers(size: int, progress: int | None) -> str | None:
    """Say why output can't have this size or progress; `None` if it can."""
    if size < 0:
        return "a size can't be negative"
    if progress is not None and not 0 <= progress <= 100:  # noqa: PLR2004 - percent
        return "progress goes from 0 to 100"
    return None


class OutputNews(msgspec.Struct, frozen=True, gc=False):
    """What a look at a task's output told.

    Attributes:
        size: Bytes written so far.
        last_line: The last line with something on it, made safe to show.
        progress: Percent, 0 to 100, if the output names one.
    """

    size: int
    last_line: str | None = None
    progress: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            ValueError: If the size is negative, or the progress is no percentage.
        """
        problem = contradiction_of_numbers(self.size, self.progress)
        if problem:
            raise ValueError(f"news of output: {problem}")
