"""Background tasks as Pykka actors: all an embedder needs, and nothing else."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .public import *  # noqa: F403
    from .public import __all__ as __all__


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    """Return a public name; the first one that is used loads all of them.

    A program that imports one room alone, such as `rules`, loads nothing else.
    """
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - seldom needed, as what follows

    public = import_module(".public", __name__)
    found = globals()
    found |= {it: getattr(public, it) for it in ("__all__", *public.__all__)}
    if name not in found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found[name]


def __dir__() -> list[str]:
    """Return the public names."""
    names: list[str] = __getattr__("__all__")
    return names
