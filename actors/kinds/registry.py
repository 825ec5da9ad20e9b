"""The registry of a system: its kinds of jobs by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from ..rules.safe_text import brief
from .kind import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .kind import Kind


class Kinds:
    """The kinds of one system, by name. Immutable.

    Args:
        kinds: The kinds, in the order in which help lists them.
        problems: Messages about kinds that could not be loaded, one line each.

    Raises:
        TypeError: If an object is not a kind; the text names it, and what it lacks.
        ValueError: If a name is not a word, or two kinds have the same name.
    """

    def __init__(self, kinds: Iterable[Kind], problems: Iterable[str] = ()) -> None:
        self._kinds: dict[str, Kind] = {}
        self.problems = tuple(problems)
        """Messages about kinds that could not be loaded."""
        given = cast("object", kinds)
        if isinstance(given, str) or not isinstance(given, Iterable):
            name = type(given).__name__
            raise TypeError(f"kinds must be kinds, such as [BashKind()], not {name}")
        for kind in kinds:
            if (problem := _lacks(kind)) is not None:
                raise TypeError(problem)
            if not _is_word(kind.name):
                raise ValueError(
                    f"{brief(kind.name)!r} can't be the name of a kind; give it one"
                    " word without spaces and quotes, such as 'docker'"
                )
            if kind.name in self._kinds:
                raise ValueError(f"two kinds are called {kind.name!r}; rename one")
            self._kinds[kind.name] = kind

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def __contains__(self, name: str) -> bool:
        """Return whether there is a kind of this name."""
        return name in self._kinds

    def find(self, name: str) -> Kind:
        """Return the kind of this name.

        Raises:
            InvalidRequestError: If there is no such kind.
        """
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(sorted(self._kinds)) or "none"
            raise InvalidRequestError(
                f"unknown kind {brief(name)!r}; the kinds are: {known}"
            ) from None


def _is_word(name: str) -> bool:
    """Return whether a name can be typed as one word that is not an option."""
    return name.isprintable() and not (
        set(name) & set(" '\"\\") or name[:1] in {"", "-"}
    )


_MEMBERS: Final = {"name": str, "usage": str, "summary": str, "writes_output": bool}
_METHODS: Final = ("check", "start")


def _lacks(kind: object) -> str | None:
    """Return why an object is not a kind; None if it is one."""
    if isinstance(kind, type):
        name = kind.__name__
        return f"{name} is a class, not a kind; give {name}()"
    name = type(kind).__name__
    for member, expected in _MEMBERS.items():
        if not isinstance(value := getattr(kind, member, None), expected):
            given = "it has none" if value is None else f"not {type(value).__name__}"
            return (
                f"{name} is not a kind: {member} must be {expected.__name__}; {given}"
            )
    for method in _METHODS:
        if not callable(getattr(kind, method, None)):
            return f"{name} is not a kind: it has no method {method}"
    return None
