"""Descriptors kept for the moment in which no other is free.

Processes are ended by reading `/proc`, which takes a descriptor. A program that has as
many open as it may is the very one that must still be able to end what it started.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")

KEPT: Final = 4
"""Descriptors kept for each task system; a few threads may need one at a time."""

_NONE_FREE: Final = (errno.EMFILE, errno.ENFILE)


class SpareDescriptors:
    """Open descriptors that are given up when something needs one. Safe on any thread.

    They belong to the process, as the limit does; see `SPARES`.
    """

    def __init__(self) -> None:
        # Each is a file of its own, since the whole system may have run out of those.
        self._held: dict[int, os.stat_result] = {}
        self._wanted = 0

    def hold(self) -> None:
        """Keep `KEPT` more descriptors.

        Raises:
            OSError: If there are not so many.
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
        """Return what an action returns that needs a descriptor for a moment.

        If none is free the action is called again, after a spare one was given up for
        it; so it must be one that may fail half-way and be done again.

        Raises:
            OSError: What the action raises; `EMFILE` or `ENFILE` if other threads have
                taken all that were given up.
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
                # A host that becomes a daemon closes all; the number may be in use.
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
            return  # the next to use one tries again

    def _refill(self) -> None:
        while len(self._held) < self._wanted:
            fd = os.memfd_create("backburner-spare", os.MFD_CLOEXEC)
            self._held[fd] = os.fstat(fd)


SPARES: Final = SpareDescriptors()
"""The spare descriptors of this process; none without a task system."""
