"""Environment variables, encoded once for the many processes that inherit them."""

from __future__ import annotations

import os
import weakref
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .marks import MARK, SESSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.variables import Variables


GROUP: Final = "BACKBURNER_GROUP"
"""The environment variable that names the group of a task."""

SLOT: Final = "BACKBURNER_SLOT"
"""The environment variable with a task's slot number in its group, from 0."""


TERM: Final = "xterm-256color"
"""The terminal type of tasks, because most terminals that show them are like it."""

_SIZE: Final = ("LINES", "COLUMNS")
_MOST_SLOTS: Final = 64


class Environment:
    """Environment variables, encoded for new processes. Immutable."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._shared: Mapping[str, str] = MappingProxyType(dict(variables))
        self._own: dict[str, str] = {}
        self._reduced: dict[str, Environment] = {}
        self._in_slots: dict[tuple[str, int], Environment] = {}
        self.shared_entries: tuple[bytes, ...] = tuple(
            _entry(name, value) for name, value in self._shared.items()
        )
        """`NAME=value` for the variables inherited from the original environment.

        The same object for all environments that `plus` made from one original.
        """

    @classmethod
    def to_inherit(cls, given: Mapping[str, str] | None = None) -> Environment:
        """Return the environment of a task's processes, before its own mark is added.

        These are the given variables and `PYTHONUNBUFFERED`: Python buffers output to a
        file, so without it the output and progress of a Python program would appear at
        its end. The mark and the session are those of this process: the sender of the
        request may be a job, but the new task is not part of that job, and it belongs
        to this session.

        Args:
            given: The variables; those of this process by default.
        """
        variables = {
            "PYTHONUNBUFFERED": "1",
            **(os.environ if given is None else given),
        }
        variables.pop(MARK, None)
        variables |= {it: os.environ[it] for it in (MARK, SESSION) if it in os.environ}
        return cls(variables)

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """All variables; read-only."""
        if not self._own:
            return self._shared
        return MappingProxyType({**self._shared, **self._own})

    def get(self, name: str, default: str) -> str:
        """Return the value of a variable, or the default if it is not set."""
        return self._own.get(name, self._shared.get(name, default))

    def plus(self, name: str, value: str) -> Environment:
        """Return a copy with one variable added or replaced."""
        origin = self._without(name)
        changed = Environment.__new__(Environment)
        changed._shared = origin._shared  # noqa: SLF001 - its own class
        changed.shared_entries = origin.shared_entries
        changed._own = {**self._own, name: value}  # noqa: SLF001 - the same
        changed._reduced = {}  # noqa: SLF001 - the same
        changed._in_slots = {}  # noqa: SLF001 - the same
        return changed

    def in_slot(self, group: str, slot: int) -> Environment:
        """Return a copy for a task in this slot of its group.

        Cached while there are few of them: a slot runs many jobs in succession, and a
        kind receives all variables for each.
        """
        found = self._in_slots.get((group, slot))
        if found is None:
            if len(self._in_slots) >= _MOST_SLOTS:
                self._in_slots.clear()
            found = self.plus(GROUP, group).plus(SLOT, str(slot))
            self._in_slots[group, slot] = found
        return found

    def on_terminal(self) -> Environment:
        """Return a copy for a process on a terminal of its own.

        It names the type of that terminal, and omits the size of other terminals.
        """
        origin = self
        for name in _SIZE:
            origin = origin._without(name)
        changed = origin.plus("TERM", TERM)
        own = {key: value for key, value in self._own.items() if key not in _SIZE}
        changed._own = {**own, "TERM": TERM}  # noqa: SLF001 - the same
        return changed

    def own_entries(self) -> list[bytes]:
        """Return `NAME=value` for the variables that `plus` has added."""
        return [_entry(name, value) for name, value in self._own.items()]

    def _without(self, name: str) -> Environment:
        if name not in self._shared:
            return self
        if name not in self._reduced:
            rest = {key: self._shared[key] for key in self._shared if key != name}
            self._reduced[name] = Environment(rest)
        return self._reduced[name]


class PreparedEnvironments:
    """Encoded environments, cached while tasks use them."""

    def __init__(self, own: Environment) -> None:
        self._own = own
        self._prepared: weakref.WeakKeyDictionary[Variables, Environment] = (
            weakref.WeakKeyDictionary()
        )

    def prepare(self, variables: Variables | None) -> Environment:
        """Return the environment of a task's processes."""
        if variables is None:
            return self._own
        prepared = self._prepared.get(variables)
        if prepared is None:
            prepared = self._prepared[variables] = Environment.to_inherit(variables)
        return prepared


def _entry(name: str, value: str) -> bytes:
    return os.fsencode(f"{name}={value}")
