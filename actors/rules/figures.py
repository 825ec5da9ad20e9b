"""What a task has used: time, memory, bytes."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

MOST_CELLS: Final = 1000
"""Columns or rows that a terminal has at most."""

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
_Cells = Annotated[int, msgspec.Meta(ge=1, le=MOST_CELLS)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Figures(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the processes of a task, or of its last attempt, used in all.

    Its first process and those of its descendants that were waited for, as the kernel
    counts them (`getrusage(2)`); with a control group of its own all of them.

    Attributes:
        cpu: Seconds of CPU.
        peak_memory: The most bytes of memory: of the largest process, or of all
            together in a control group. None if nobody knows.
        at_most: Whether the peak is known only to be no higher: the program that
            started it was as large itself, and the kernel counts that too.
        read: Bytes read from disks; what was in memory already does not count.
        written: Bytes written to disks.
        limits: By what its limits were held, for people; empty if it had none.
        terminal: Columns and rows that its terminal had at the end. None if it had
            none, or if that is not known.
    """

    cpu: _Seconds = 0.0
    peak_memory: _Bytes | None = None
    at_most: bool = False
    read: _Bytes = 0
    written: _Bytes = 0
    limits: str = ""
    terminal: tuple[_Cells, _Cells] | None = None
