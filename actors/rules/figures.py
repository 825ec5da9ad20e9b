"""The resource usage of a task: time, memory, bytes."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

MOST_CELLS: Final = 1000
"""Maximum columns or rows of a terminal."""

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Cells = Annotated[int, msgspec.Meta(ge=1, le=MOST_CELLS)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Figures(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The total resource usage of the processes of a task, or of its last attempt.

    In a control group of its own, all processes count; otherwise the first process and
    those descendants that were waited for, as in `getrusage(2)`.

    Attributes:
        cpu: Seconds of CPU time.
        peak_memory: Peak bytes of memory: of the largest process, or of all processes
            in a control group. None if unknown.
        at_most: Whether the peak is only an upper bound, because the kernel includes
            the program that started the job, which was as large.
        read: Bytes read from disks, without cached data.
        written: Bytes written to disks.
        limits: How its limits were enforced, for people; empty without limits.
        terminal: Final columns and rows of its terminal; None without a terminal, or if
            unknown.
    """

    cpu: _Seconds = 0.0
    peak_memory: _Bytes | None = None
    at_most: bool = False
    read: _Bytes = 0
    written: _Bytes = 0
    limits: str = ""
    terminal: tuple[_Cells, _Cells] | None = None
