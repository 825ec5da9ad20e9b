"""The terminal, the locale and the user's editor, without imports for drawing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


_ASCII: Final = {"C", "POSIX"}
_COERCED: Final = {"C.UTF-8", "C.utf8", "UTF-8"}


def is_drawable(
    environ: Mapping[str, str] | None = None, stdin: int = 0, stdout: int = 1
) -> bool:
    """Return whether the chat can be drawn here; otherwise use line mode.

    Both streams must be terminals, and `TERM` one with cursor movement.
    """
    kind = (os.environ if environ is None else environ).get("TERM", "")
    if kind in {"", "dumb", "unknown"}:
        return False
    return os.isatty(stdin) and os.isatty(stdout)


def asks_for_ascii(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a locale that can't show UTF-8.

    Python uses UTF-8 in the locale C too, so the encoding of a stream does not tell. An
    empty environment does not count.
    """
    if everything := environ.get("LC_ALL"):
        return _lacks_utf8(everything)
    characters = environ.get("LC_CTYPE")
    # Python itself sets one of these if the locale was C when it started.
    if characters and characters not in _COERCED:
        return _lacks_utf8(characters)
    return _lacks_utf8(environ.get("LANG", ""))


def _lacks_utf8(locale: str) -> bool:
    """Return whether a locale has another character set, such as `de_DE.ISO-8859-1`."""
    characters = locale.partition("@")[0].partition(".")[2]
    return locale in _ASCII or characters.lower() not in {"", "utf-8", "utf8"}


def editor_command() -> list[str]:
    """Return the program and the arguments of `$VISUAL` or `$EDITOR`.

    Raises:
        ValueError: If there is no editor; the text says what to do.
    """
    import shlex  # noqa: PLC0415 - seldom needed

    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        program = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"EDITOR can't be read: {error}") from error
    if not program:
        raise ValueError("no editor found; set VISUAL or EDITOR to one, such as vim")
    return program
