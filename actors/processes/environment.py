"""Environment variables, made ready once for the many processes that inherit them."""

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
"""The environment variable with the slot of its group that a task has, from 0."""


TERM: Final = "xterm-256color"
"""What the terminal of a task is called: it is shown by many that are like it."""

_SIZE: Final = ("LINES", "COLUMNS")
_MOST_SLOTS: Final = 64


class Environment:
    """Environment variables as a new process wants them. Does not change once made."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._shared: Mapping[str, str] = MappingProxyType(dict(variables))
        self._own: dict[str, str] = {}
        self._reduced: dict[str, Environment] = {}
        self._in_slots: dict[tuple[str, int], Environment] = {}
        self.shared_entries: tuple[bytes, ...] = tuple(
            _entry(name, value) for name, value in self._shared.items()
        )
        """`NAME=value` for those that it has in common with what it was made from.

        The same object for all that were made from the same by `plus`.
        """

    @classmethod
    def to_inherit(cls, given: Mapping[str, str] | None = None) -> Environment:
        """Return what the processes of a task get, before its own mark is added.

        That is what was given, and `PYTHONUNBUFFERED`: Python buffers what it prints to
        a file, so that without it the output and the progress of a Python program would
        come when it has ended. The mark is that of this process, if it has one: the
        sender of the request may be a job, but the task is no part of that. The
        session, too, is that of this process, so that a job finds its own.

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
        """What it has; can't be changed."""
        if not self._own:
            return self._shared
        return MappingProxyType({**self._shared, **self._own})

    def get(self, name: str, default: str) -> str:
        """Return the value of one variable, or the default if it has none."""
        return self._own.get(name, self._shared.get(name, default))

    def plus(self, name: str, value: str) -> Environment:
        """Return the same with one variable more, or with another value for it."""
        origin = self._without(name)
        changed = Environment.__new__(Environment)
        changed._shared = origin._shared  # noqa: SLF001 - its own class
        changed.shared_entries = origin.shared_entries
        changed._own = {**self._own, name: value}  # noqa: SLF001 - the same
        changed._reduced = {}  # noqa: SLF001 - the same
        changed._in_slots = {}  # noqa: SLF001 - the same
        return changed

    def in_slot(self, group: str, slot: int) -> Environment:
        """Return the same for a task of a group in this slot of it.

        The same object as long as not too many others were asked for: a slot has one
        job after the other, and a kind is shown all variables of each.
        """
        found = self._in_slots.get((group, slot))
        if found is None:
            if len(self._in_slots) >= _MOST_SLOTS:
                self._in_slots.clear()
            found = self.plus(GROUP, group).plus(SLOT, str(slot))
            self._in_slots[group, slot] = found
        return found

    def on_terminal(self) -> Environment:
        """Return the same for a process on a terminal of its own.

        It says what terminal that is, and nothing of the size of another one.
        """
        origin = self
        for name in _SIZE:
            origin = origin._without(name)
        changed = origin.plus("TERM", TERM)
        own = {key: value for key, value in self._own.items() if key not in _SIZE}
        changed._own = {**own, "TERM": TERM}  # noqa: SLF001 - the same
        return changed

    def own_entries(self) -> list[bytes]:
        """Return `NAME=value` for those that `plus` has added."""
        return [_entry(name, value) for name, value in self._own.items()]

    def _without(self, name: str) -> Environment:
        if name not in self._shared:
            return self
        if name not in self._reduced:
            rest = {key: self._shared[key] for key in self._shared if key != name}
            self._reduced[name] = Environment(rest)
        return self._reduced[name]


class PreparedEnvironments:
    """Environments made ready, each once as long as a task has it."""

    def __init__(self, own: Environment) -> None:
        self._own = own
        self._prepared: weakref.WeakKeyDictionary[Variables, Environment] = (
            weakref.WeakKeyDictionary()
        )

    def prepare(self, variables: Variables | None) -> Environment:
        """Return what the processes of a task inherit."""
        if variables is None:
            return self._own
        prepared = self._prepared.get(variables)
        if prepared is None:
            prepared = self._prepared[variables] = Environment.to_inherit(variables)
        return prepared


def _entry(name: str, value: str) -> bytes:
    return os.fsencode(f"{name}={value}")
