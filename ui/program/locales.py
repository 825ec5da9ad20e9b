"""Whether somebody asked for a locale in which signs have to be ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASCII: Final = {"C", "POSIX"}
_COERCED: Final = {"C.UTF-8", "C.utf8", "UTF-8"}


def asks_for_ascii(environ: Mapping[str, str]) -> bool:
    """Tell whether the environment names a locale that knows only ASCII.

    Python reads and writes UTF-8 there too, so the encoding of a stream does not tell.
    Where nothing is set, nothing was asked for.
    """
    if everything := environ.get("LC_ALL"):
        return everything in _ASCII
    characters = environ.get("LC_CTYPE")
    # Python itself puts one of these there if the locale was C when it started.
    if characters and characters not in _COERCED:
        return characters in _ASCII
    return environ.get("LANG") in _ASCII
