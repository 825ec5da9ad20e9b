"""The templates of a project, and whether a person has trusted them.

They are in the project's `.backburner.toml`, which everyone with write access to the
project can change. They do not run until a person has trusted the file in its current
state; a digest of its path and content is stored.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

import msgspec

from ...actors.own_files import open_below, open_folder, open_own
from ...actors.rules.safe_text import safe_line
from ..program.config import ConfigError, read_text, read_toml
from .template import Template, as_table, read_tables, table_problem, template_lines

FILE_NAME: Final = ".backburner.toml"
"""The name of a project's template file."""

SHOWN_DIGEST: Final = 12
"""Length of the part of a digest that a person types, in characters."""

_TRUSTED: Final = ".trusted"  # not a valid name of a session
_MOST_TRUSTED: Final = 1 << 20  # bytes of that file


class Project(msgspec.Struct, frozen=True):
    """The template file of a project.

    Attributes:
        path: Its path.
        digest: The digest of its path and content.
        trusted: Whether a person has trusted it in this state.
        templates: Its templates.
    """

    path: str
    digest: str
    trusted: bool
    templates: tuple[Template, ...]

    @property
    def shown_digest(self) -> str:
        """The part of the digest that a person types."""
        return self.digest[:SHOWN_DIGEST]

    def lines(self) -> list[str]:
        """Return its content as lines, for a person to check."""
        return [
            f"{safe_line(self.path)} has these templates:",
            *template_lines(self.templates),
        ]


def find_project(state: Path, given: Path | None = None) -> Project | None:
    """Read the template file of the project. Blocks.

    Args:
        state: The folder of all sessions.
        given: The file; by default the nearest one, from the working directory up.

    Returns:
        The file; None if there is none.

    Raises:
        ConfigError: If the file is invalid; the text names file, line and key.
        OSError: If the digests of trusted files can't be read.
    """
    if given is not None:
        return _read_project(given.absolute(), state)
    try:
        here = Path.cwd()
    except OSError:
        return None  # the working directory was deleted
    for folder in (here, *here.parents):
        if (found := _read_project(folder / FILE_NAME, state)) is not None:
            return found
    return None


def _read_project(file: Path, state: Path) -> Project | None:
    try:
        if file.exists() and not file.is_file():
            raise ConfigError(f"{file} is not a file; put a file in its place")
    except OSError as error:
        if error.errno in {errno.EACCES, errno.ENOTDIR, errno.ELOOP}:
            return None  # a folder that this user can't access
        raise ConfigError(f"can't read {file}: {error.strerror}") from error
    text = read_text(file)
    if text is None:
        return None
    tables = read_toml(file, text)
    for key in tables:
        if key != "template":
            raise table_problem(
                file, text, "", key, "no such setting here; there is: template"
            )
    named = tables.get("template", {})
    found = as_table(named)
    if found is None:
        raise table_problem(
            file, text, "", "template", "expected tables: [template.NAME]"
        )
    templates = read_tables(file, text, found, str(file.parent))
    import hashlib  # noqa: PLC0415 - most projects have none

    digest = hashlib.sha256(f"{file}\0{text}".encode()).hexdigest()
    return Project(str(file), digest, digest in _trusted(state), templates)


def trust(state: Path, project: Project) -> str:
    """Record that a person trusts a file in its current state. Blocks.

    Returns:
        A line that says so.

    Raises:
        OSError: If the record can't be written.
    """
    if not project.trusted:
        folder = open_folder(state)
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            fd = open_below(folder, state / _TRUSTED, flags)
            try:
                name = safe_line(project.path)
                line = f"{project.digest}  {name}\n".encode("utf-8", "replace")
                os.write(fd, line)
            finally:
                os.close(fd)
        finally:
            os.close(folder)
    names = ", ".join(it.name for it in project.templates) or "none"
    return f"trusted {safe_line(project.path)} as it is now; its templates: {names}"


def no_project() -> str:
    """Return a line that says that there is nothing to trust."""
    return f"there is no {FILE_NAME} in this directory, nor in one above it"


def _trusted(state: Path) -> frozenset[str]:
    try:
        fd = open_own(state / _TRUSTED, os.O_RDONLY)
    except FileNotFoundError:
        return frozenset()
    with os.fdopen(fd, "rb") as file:
        text = file.read(_MOST_TRUSTED).decode("utf-8", "replace")
    return frozenset(line.partition(" ")[0] for line in text.splitlines())
