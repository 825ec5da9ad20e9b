"""The environment variables of a request."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise TypeError("environment variables of a request can't be changed")


_refused: Any = _refuse


class Variables(dict[str, str]):
    """Environment variables by name. Immutable, so that equal ones can be shared.

    The `repr` omits names and values, which may be secret.
    """

    __slots__ = ("__weakref__", "_hash", "_is_sound", "_is_text")

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Variables:
        """Return the same variables as an object of this class."""
        return given if isinstance(given, Variables) else cls(given)

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Return a hash that doesn't depend on the order."""
        try:
            return self._hash
        except AttributeError:
            self._hash = hash(frozenset(self.items()))
            return self._hash

    def __repr__(self) -> str:
        """Return the number of variables."""
        return f"<{len(self)} environment variables>"

    def __reduce__(self) -> tuple[type[Variables], tuple[dict[str, str]]]:
        """Support `copy` and `pickle`."""
        return Variables, (dict(self),)

    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused

    def no_text(self) -> tuple[object, object] | None:
        """Return an item whose name or value is not a `str`; None if all are."""
        try:
            # Cached, since many requests share the object.
            if self._is_text:
                return None
        except AttributeError:
            pass
        for name, value in cast("dict[object, object]", self).items():
            if not (isinstance(name, str) and isinstance(value, str)):
                return name, value
        self._is_text = True
        return None

    def problem(self) -> str | None:
        """Return why these can't be passed to a process; None if they can."""
        try:
            # Cached, since many requests share the object.
            if self._is_sound:
                return None
        except AttributeError:
            pass
        for name, value in self.items():
            if not name or "=" in name or "\0" in name or "\0" in value:
                # The error contains the name, never the value.
                return (
                    f"the environment variable {name!r} can't be passed on: a name must"
                    " not be empty or hold '=', and neither may hold a NUL character"
                )
            try:
                f"{name}{value}".encode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                return f"the environment variable {name!r} is not valid UTF-8"
        self._is_sound = True
        return None


class SharedVariables:
    """The environments of tasks by id; equal environments share one object."""

    def __init__(self) -> None:
        self._by_task: dict[int, Variables] = {}
        self._equals: weakref.WeakKeyDictionary[Variables, weakref.ref[Variables]] = (
            weakref.WeakKeyDictionary()
        )
        self._last: Callable[[], Variables | None] = lambda: None  # a weak reference

    def restore(self, given: Mapping[int, Variables]) -> None:
        """Add the environments of many tasks, most of which are shared."""
        # Each distinct object is looked up only once.
        some = given.values()
        objects = dict(zip(map(id, some), some, strict=True))
        shared = {it: self._shared(environment) for it, environment in objects.items()}
        self._by_task |= given
        if any(it is not shared[number] for number, it in objects.items()):
            self._by_task |= {task_id: shared[id(it)] for task_id, it in given.items()}

    def add(self, task_id: int, given: Mapping[str, str]) -> None:
        """Add the environment of a task."""
        shared = self._last()
        if shared is None or shared is not given:  # requests in a row share it
            shared = self._shared(Variables.of(given))
            self._last = weakref.ref(shared)
        self._by_task[task_id] = shared

    def get(self, task_id: int) -> Variables | None:
        """Return the environment of a task; None if unknown."""
        return self._by_task.get(task_id)

    def drop(self, task_id: int) -> None:
        """Forget the environment of a task."""
        self._by_task.pop(task_id, None)

    def _shared(self, environment: Variables) -> Variables:
        """Return an equal environment of another task; without one, this one."""
        known = self._equals.setdefault(environment, weakref.ref(environment))
        return known() or environment
