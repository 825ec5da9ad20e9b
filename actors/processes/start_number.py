"""A number by which the first process of a job is known, even when it has ended.

The mark in its environment is gone as soon as a process ends. How it is scheduled can
be read until it is collected, and it inherits that from the thread that starts it. So
before each start the thread takes a time slice that no other start has, some
microseconds longer than usual. Linux has such slices since 6.12 (`sched_setattr`); on
other systems there are no numbers.
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

# The numbers of sched_setattr and sched_getattr; C libraries hardly have them.
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

# Starts of one moment are told apart by it; others by when they were.
_NEXT: Final = itertools.count(int.from_bytes(os.urandom(4)))

_Call = Callable[..., int]


def take() -> int:
    """Take a number for what this thread starts next, and return it. Never blocks.

    It is 0 where there are no numbers.
    """
    if not (usual := _usual_slice()):
        return 0
    number = usual + 1 + next(_NEXT) % _LONGEST
    return number if _set_slice(number) else 0


def number_of(pid: int) -> int:
    """Return the number of a process, also of one that has ended; 0 for this thread.

    It means nothing if no start has it; 0 if the system can't tell.
    """
    found = _attributes_of(pid)
    return 0 if found is None else int(_SLICE[0].unpack_from(found, _SLICE[1])[0])


@functools.cache
def _usual_slice() -> int:
    """Return the slice that threads have here; 0 if they can't have another."""
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
    """Return what makes calls of the system, and the numbers of two of them."""
    numbers = _CALLS.get(os.uname().machine)
    if numbers is None or sys.platform != "linux" or sys.maxsize < 1 << 32:
        return None
    import ctypes  # noqa: PLC0415 - the same

    # Keeps the interpreter's lock: a call takes less than giving that up.
    return ctypes.PyDLL(None).syscall, *numbers
