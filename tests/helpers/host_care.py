"""Ends the hosts that a test has started, and their jobs."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Final, Self

import psutil
from process_ends import marked, wait_ends

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG: Final = "BACKBURNER_FAULT_TEST"
"""An environment variable that a program and all its descendants inherit."""


class HostCare:
    """Kills all processes with its mark in the environment at the end."""

    def __init__(self) -> None:
        self.tag = uuid.uuid4().hex

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while left := self.left():
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            wait_ends(left)

    @property
    def environ(self) -> Mapping[str, str]:
        """The mark, as an environment."""
        return {TAG: self.tag}

    def left(self) -> list[psutil.Process]:
        """Return the processes with the mark."""
        return marked(TAG, self.tag)

    def hosts(self) -> list[psutil.Process]:
        """Return the hosts among them."""
        found: dict[int, psutil.Process] = {}
        parents: dict[int, int] = {}
        for it in self.left():
            with contextlib.suppress(psutil.Error):
                if "backburner.actors.host" in it.cmdline():
                    found[it.pid], parents[it.pid] = it, it.ppid()
        # A new fork of a host has the host's command line until it calls exec.
        return [it for pid, it in found.items() if parents[pid] not in found]
