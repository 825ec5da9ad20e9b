"""Environment variables, made ready once for the many processes that inherit them."""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Environment:
    """Environment variables as a new process wants them. Does not change once made.

    Args:
        variables: What it has.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables: Mapping[str, str] = MappingProxyType(dict(variables))
        self._entries = {
            name: os.fsencode(f"{name}={value}")
            for name, value in self.variables.items()
        }

    @classmethod
    def to_inherit(cls) -> Environment:
        """Return what this process has at this moment, and `PYTHONUNBUFFERED`.

        Python buffers what it prints to a file: without that variable the output and
        the progress of a Python program would come when it has ended.
        """
        return cls({"PYTHONUNBUFFERED": "1", **os.environ})

    def plus(self, name: str, value: str) -> Environment:
        """Return the same with one variable more, or with another value for it."""
        changed = Environment.__new__(Environment)
        changed.variables = MappingProxyType({**self.variables, name: value})
        entry = os.fsencode(f"{name}={value}")
        changed._entries = {**self._entries, name: entry}  # noqa: SLF001 - its own class
        return changed

    def entries(self) -> list[bytes]:
        """Return `NAME=value` for each of them."""
        return [*self._entries.values()]
