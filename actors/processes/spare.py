"""Spare descriptors, for when no other is free.

Ending processes requires reading `/proc`, which needs a descriptor. A program that has
reached its limit must still be able to end the processes that it started.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")

KEPT: Final = 4
"""Descriptors kept for each task system; several threads may need one at a time."""

_NONE_FREE: Final = (errno.EMFILE, errno.ENFILE)


class SpareDescriptors:
    """Open descriptors that are closed when an action needs one. Thread-safe.

    They are per process, like the limit; see `SPARES`.
    """

    def __init__(self) -> None:
        # Each has its own open file, since the system limits the number of these too.
        self._held: dict[int, os.stat_result] = {}
        self._wanted = 0

    def hold(self) -> None:
        """Keep `KEPT` more descriptors.

        Raises:
            OSError: If not enough are free.
        """
        self._wanted += KEPT
        try:
            self._refill()
        except OSError:
            self.drop()
            raise

    def drop(self) -> None:
        """Keep `KEPT` fewer descriptors."""
        self._wanted -= KEPT
        while len(self._held) > self._wanted and self._give_up_one():
            pass

    def use(self, action: Callable[[], ResultT]) -> ResultT:
        """Return the result of an action that needs a descriptor for a moment.

        If none is free, a spare one is closed and the action is called again; so the
        action must be safe to repeat after a failure half-way.

        Raises:
            OSError: The error of the action; `EMFILE` or `ENFILE` if other threads have
                taken all spare descriptors.
        """
        try:
            return action()
        except OSError as error:
            if error.errno not in _NONE_FREE:
                raise
        try:
            return self._use_spare(action)
        finally:
            self._try_to_refill()

    def _use_spare(self, action: Callable[[], ResultT]) -> ResultT:
        while True:
            gave_up = self._give_up_one()
            try:
                return action()
            except OSError as error:
                if error.errno not in _NONE_FREE or not gave_up:
                    raise

    def _give_up_one(self) -> bool:
        """Close a spare descriptor; return whether there was one."""
        while self._held:
            try:
                fd, opened_as = self._held.popitem()
            except KeyError:
                return False
            try:
                # A host that becomes a daemon closes all; the number may have been
                # reused.
                if os.path.samestat(os.fstat(fd), opened_as):
                    os.close(fd)
                    return True
            except OSError:
                continue
        return False

    def _try_to_refill(self) -> None:
        try:
            self._refill()
        except OSError:
            return  # the next use tries again

    def _refill(self) -> None:
        while len(self._held) < self._wanted:
            fd = os.memfd_create("backburner-spare", os.MFD_CLOEXEC)
            self._held[fd] = os.fstat(fd)


SPARES: Final = SpareDescriptors()
"""The spare descriptors of this process; empty without a task system."""
