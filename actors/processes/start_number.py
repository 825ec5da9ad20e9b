"""A number that identifies the first process of a job, even after its end.

The mark in the environment is gone as soon as a process ends. Its scheduling attributes
can be read until it is reaped, and are inherited from the thread that starts it. So
before each start the thread sets a unique time slice, some microseconds longer than
usual. Linux has such slices since 6.12 (`sched_setattr`); other systems have no
numbers.
"""

from __future__ import annotations

import functools
import itertools
import os
import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ctypes

# The numbers of sched_setattr and sched_getattr; few C libraries have wrappers.
_CALLS: Final = {
    "x86_64": (314, 315),
    "aarch64": (274, 275),
    "riscv64": (274, 275),
    "loongarch64": (274, 275),
}
# `struct sched_attr` in its first version; the slice is in nanoseconds.
_SIZE: Final = 48
_POLICY: Final = struct.Struct("=I"), 4
_SLICE: Final = struct.Struct("=Q"), 24
_NORMAL_POLICIES: Final = (0, 3)  # SCHED_OTHER, SCHED_BATCH
_LONGEST: Final = 1 << 17  # nanoseconds, of a slice of some milliseconds

# Distinguishes starts of about the same time; the time distinguishes others.
_NEXT: Final = itertools.count(int.from_bytes(os.urandom(4)))

_Call = Callable[..., int]


def take() -> int:
    """Set a new number for the next start of this thread, and return it. Never blocks.

    0 on systems without numbers.
    """
    if not (usual := _usual_slice()):
        return 0
    number = usual + 1 + next(_NEXT) % _LONGEST
    return number if _set_slice(number) else 0


def number_of(pid: int) -> int:
    """Return the number of a process, even if it has ended; 0 for this thread.

    Processes without a number return an unrelated value, or 0 if it is unreadable.
    """
    found = _attributes_of(pid)
    return 0 if found is None else int(_SLICE[0].unpack_from(found, _SLICE[1])[0])


@functools.cache
def _usual_slice() -> int:
    """Return the default slice of threads; 0 if it can't be changed."""
    found = _attributes_of(0)
    if found is None:
        return 0
    (policy,) = _POLICY[0].unpack_from(found, _POLICY[1])
    usual = number_of(0)
    if not usual or policy not in _NORMAL_POLICIES:
        return 0
    return usual if _set_slice(usual + 1) and number_of(0) == usual + 1 else 0


def _attributes_of(pid: int) -> ctypes.Array[ctypes.c_char] | None:
    calls = _calls()
    if calls is None:
        return None
    import ctypes  # noqa: PLC0415 - with the first job, and not with the chat

    call, _, get = calls
    found = ctypes.create_string_buffer(_SIZE)
    return None if call(get, pid, found, _SIZE, 0) else found


def _set_slice(nanoseconds: int) -> bool:
    calls, attributes = _calls(), _attributes_of(0)
    if calls is None or attributes is None:
        return False
    _SLICE[0].pack_into(attributes, _SLICE[1], nanoseconds)
    call, set_, _ = calls
    return not call(set_, 0, attributes, 0)


@functools.cache
def _calls() -> tuple[_Call, int, int] | None:
    """Return the function for system calls, and the two numbers."""
    numbers = _CALLS.get(os.uname().machine)
    if numbers is None or sys.maxsize < 1 << 32:
        return None
    import ctypes  # noqa: PLC0415 - the same

    # Keeps the GIL: the call takes less time than releasing it.
    return ctypes.PyDLL(None).syscall, *numbers
