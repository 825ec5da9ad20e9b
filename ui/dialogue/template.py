"""Templates: named commands with options, and their TOML format."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from ...actors import TaskRequest
from ...actors.rules.safe_text import brief, safe_line
from ..program.config import ConfigError
from .arguments import UsageError
from .new_task import Asked
from .term_options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PLACE: Final = "{args}"
"""The placeholder for the arguments; without it they are appended to the command."""

# Compiled on first use: compiling them at import would slow down each start.
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}"
_NOT_HERE: Final = {"--yes"}  # only the person who runs a template may confirm it
_OPTIONS: Final = {it.name: it for it in OPTIONS if it.name not in _NOT_HERE}
_OWN: Final = ("command", "description", "directory", "env")
_HEADER: Final = r"\s*\[\s*template\s*\.\s*[\"']?([^\"'\]]*?)[\"']?\s*\]"
_TEXT: Final = "a text in quotes"


class Template(msgspec.Struct, frozen=True):
    """A named command with options.

    Attributes:
        name: The name that runs it.
        command: The command for `bash -c`.
        description: The description of its tasks; empty for its name.
        directory: The absolute path of the directory in which it runs; empty for the
            caller's working directory.
        environment: Variables that are added to the caller's environment.
        asked: The values of its options.
        source: The file that defines it.
    """

    name: str
    command: str
    description: str
    directory: str
    environment: tuple[tuple[str, str], ...]
    asked: Asked
    source: str

    @property
    def summary(self) -> str:
        """A one-line summary, safe to show."""
        command = safe_line(self.command.strip())
        name = safe_line(self.description).strip()
        return f"{name}: {command}" if name else command

    def request(self, words: Sequence[str] = (), asked: Asked | None = None) -> Run:
        """Return the task to add, for unquoted arguments and the values of options."""
        import shlex  # noqa: PLC0415 - most tasks use no template

        arguments = shlex.join(words)
        command = self.command
        if PLACE in command:
            command = command.replace(PLACE, arguments)
        elif arguments:
            command = f"{command.rstrip()} {arguments}"
        name = safe_line(self.description).strip() or self.name
        environment = None
        if self.environment:
            environment = {**os.environ, **dict(self.environment)}
        asked = self.asked if asked is None else asked
        request = TaskRequest(
            f"{name} {arguments}".rstrip(),
            "bash",
            (command,),
            directory=self.directory or None,
            environment=environment,
            terms=asked.task_terms,
        )
        return Run(request, asked)


class Run(msgspec.Struct, frozen=True):
    """The task that a template adds: a request, and its other options."""

    request: TaskRequest
    asked: Asked


def template_lines(templates: Sequence[Template]) -> list[str]:
    """Return templates as lines of text."""
    widest = max((len(it.name) for it in templates), default=0)
    return [f"  {it.name:<{widest}}  {it.summary}" for it in templates]


def read_tables(
    file: Path, text: str, tables: Mapping[str, object], folder: str
) -> tuple[Template, ...]:
    """Parse tables of templates.

    Args:
        file: The file that has them.
        text: Its content, for the line numbers of errors.
        tables: The tables, by name.
        folder: The default directory of their tasks; empty for the caller's working
            directory.

    Raises:
        ConfigError: If a table is invalid.
    """
    return tuple(
        _read_table(file, text, name, table, folder) for name, table in tables.items()
    )


def _read_table(
    file: Path, text: str, name: str, given: object, folder: str
) -> Template:
    table = as_table(given)

    def problem(key: str, why: str) -> ConfigError:
        return table_problem(file, text, name, key, why)

    def word(key: str) -> str:
        value = "" if table is None else table.get(key, "")
        if not isinstance(value, str):
            raise problem(key, f"expected {_TEXT}")
        if "\0" in value:
            raise problem(key, "a command can't contain a NUL character")
        return value

    if table is None:
        raise problem("", f"expected a table: [template.{name}]")
    if not re.fullmatch(_NAME, name):
        raise problem("", "bad name; use up to 64 letters, digits, '.', ':', '_', '-'")
    asked = Asked()
    for key, value in table.items():
        if key in _OWN:
            continue
        option = _OPTIONS.get(f"--{key.replace('_', '-')}")
        if option is None:
            known = (*_OWN, *(it.removeprefix("--") for it in _OPTIONS))
            raise problem(key, f"no such option; there are: {', '.join(known)}")
        try:
            for each in _values(value, takes_one=bool(option.value)):
                asked = option.add_to(asked, each)
        except UsageError as error:
            why = str(error).removeprefix(f"{option.name}: ")
            raise problem(key, why) from error
    try:
        asked.check()
    except UsageError as error:
        raise problem("", str(error)) from error
    command = word("command")
    if not command.strip():
        raise problem("command", "missing; give a command line for bash")
    directory = os.path.normpath(Path(folder, Path(word("directory")).expanduser()))
    if not os.path.isabs(directory):  # noqa: PTH117 - a string
        if word("directory"):
            raise problem("directory", "expected an absolute path, such as ~/project")
        directory = ""
    return Template(
        name,
        command,
        word("description"),
        directory,
        _environment(table.get("env", {}), problem),
        asked,
        str(file),
    )


def _environment(
    value: object, problem: Callable[[str, str], ConfigError]
) -> tuple[tuple[str, str], ...]:
    table = as_table(value)
    if table is None:
        raise problem("env", 'expected a table, such as { LEVEL = "3" }')
    variables: list[tuple[str, str]] = []
    for name, text in table.items():
        if not isinstance(text, str) or "\0" in text:
            raise problem("env", f"{brief(name)}: expected {_TEXT}")
        if not name or "=" in name or "\0" in name:
            raise problem("env", f"{brief(name)} is not the name of a variable")
        variables.append((name, text))
    return tuple(variables)


def as_table(value: object) -> dict[str, object] | None:
    """Return a value as a TOML table; None if it is not a table."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _values(value: object, *, takes_one: bool) -> list[str]:
    """Return the values of an option, one for each element of a list.

    Raises:
        UsageError: If the value has the wrong type.
    """
    if not takes_one:
        if not isinstance(value, bool):
            raise UsageError("expected true or false")
        return [""] if value else []
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    for it in given:
        if isinstance(it, bool) or not isinstance(it, str | int | float) or it == "":
            raise UsageError("expected a text, a number, or a list of them")
    return [str(it) for it in given]


def table_problem(file: Path, text: str, name: str, key: str, why: str) -> ConfigError:
    """Return an error with the file, the line and the key."""
    line = _line_of(text, name, key)
    where = f"{file}, line {line}" if line else str(file)
    what = ".".join(it for it in ("template" if name else "", name, key) if it)
    return ConfigError(f"{where}: {what}: {why}")


def _line_of(text: str, name: str, key: str) -> int:
    """Return the line number of a template's key, or of its table; 0 if not found."""
    found, within = 0, not name
    setting = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[\]=.]")
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(_HEADER, line)
        if header and name:
            within = header[1] == name or header[1].startswith(f"{name}.")
            found = found or (number if within else 0)
            if within and key and header[1] == f"{name}.{key}":
                return number
        elif within and key and setting.match(line):
            return number
    return found
