"""Templates: commands with a name and options, from the configuration or a project.

A project keeps its own in `.backburner.toml`, which anybody who can change the project
can write. They do not run before a person has trusted the file as it is: what is
remembered is a digest of its place and its content.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from ...actors import TaskRequest
from ...actors.own_files import open_below, open_folder, open_own
from ...actors.rules.safe_text import brief, safe_line
from ..program.config import Config, ConfigError, read_text, read_toml
from .arguments import UsageError, split_word
from .new_task import Asked
from .term_options import OPTIONS, read_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FILE_NAME: Final = ".backburner.toml"
"""What a project keeps its templates in."""

PLACE: Final = "{args}"
"""What the arguments take the place of; without it they follow the command."""

SHOWN_DIGEST: Final = 12
"""Characters of a digest that a person types."""

_TRUSTED: Final = ".trusted"  # no session is called so
_MOST_TRUSTED: Final = 1 << 20  # bytes of that file
# Not compiled before they are needed: a start has no time for that.
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}"
_NOT_HERE: Final = {"--yes"}  # who runs it confirms
_OPTIONS: Final = {it.name: it for it in OPTIONS if it.name not in _NOT_HERE}
_OWN: Final = ("command", "description", "directory", "env")
_NEAR: Final = 0.75
_HEADER: Final = r"\s*\[\s*template\s*\.\s*[\"']?([^\"'\]]*?)[\"']?\s*\]"
_TEXT: Final = "a text in quotes"


class Template(msgspec.Struct, frozen=True):
    """A command with a name.

    Attributes:
        name: What is typed to run it.
        command: For `bash -c`.
        description: What its tasks are called; empty for its name.
        directory: Where it runs, an absolute path; empty for where it is asked for.
        environment: Variables that it gets besides those of the one who asks.
        asked: What its options say.
        source: The file that has it.
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
        """What it does, in one line that is safe to show."""
        command = safe_line(self.command.strip())
        name = safe_line(self.description).strip()
        return f"{name}: {command}" if name else command

    def request(self, words: Sequence[str] = (), asked: Asked | None = None) -> Run:
        """Return what is to be added.

        Args:
            words: The arguments, as the command is to get them.
            asked: What its options and those that were typed say.
        """
        import shlex  # noqa: PLC0415 - most tasks are of no template

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
    """What running a template adds: a request, and what else its options say."""

    request: TaskRequest
    asked: Asked


class Project(msgspec.Struct, frozen=True):
    """The file of templates of a project.

    Attributes:
        path: Where it is.
        digest: Of its place and its content.
        trusted: Whether a person has trusted it as it is.
        templates: What is in it.
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
        """Write what is in it, for the one who is to trust it."""
        return [f"{safe_line(self.path)} has these templates:", *_lines(self.templates)]


class Templates(msgspec.Struct, frozen=True):
    """Which templates there are for somebody.

    Attributes:
        configured: Those of the configuration.
        state: The folder of all sessions, which keeps what is trusted; empty to know
            those of the configuration alone.
        how_to_trust: The command that trusts the file of a project.
    """

    configured: tuple[Template, ...] = ()
    state: str = ""
    how_to_trust: str = "backburner trust"

    @classmethod
    def of(
        cls, config: Config, file: Path, state: Path, how_to_trust: str
    ) -> Templates:
        """Return the templates for a configuration.

        Args:
            config: The configuration.
            file: Where that is.
            state: The folder of all sessions.
            how_to_trust: The command that trusts the file of a project.

        Raises:
            ConfigError: If one of its templates makes no sense.
        """
        configured: tuple[Template, ...] = ()
        if config.template:
            # To name lines; what is read only once, such as a pipe, names none.
            text = (file.is_file() and read_text(file)) or ""
            configured = _read_tables(file, text, {**config.template}, "")
        return cls(configured, str(state), how_to_trust)


class FindTemplates(msgspec.Struct, frozen=True):
    """Find the templates that hold here: those known, and those of the project."""

    known: Templates


class FoundTemplates(msgspec.Struct, frozen=True):
    """The templates that hold here.

    Attributes:
        configured: Those of the configuration.
        project: The file of the project, if there is one.
        problem: Why that can't be used; empty if it can.
    """

    configured: tuple[Template, ...] = ()
    project: Project | None = None
    problem: str = ""

    @property
    def all(self) -> tuple[Template, ...]:
        """All of them; one of the project comes before one of the same name."""
        of_project = () if self.project is None else self.project.templates
        names = {it.name for it in of_project}
        others = (it for it in self.configured if it.name not in names)
        return (*of_project, *others)

    def find(self, name: str) -> Template | None:
        """Return the template of this name; None if there is none."""
        return next((it for it in self.all if it.name == name), None)

    def is_trusted(self, template: Template) -> bool:
        """Tell whether a template may run."""
        project = self.project
        return project is None or project.trusted or template.source != project.path

    def near(self, name: str) -> str:
        """Return the name that was probably meant; empty if none was."""
        import difflib  # noqa: PLC0415 - a mistake can wait

        names = [it.name for it in self.all]
        return next(iter(difflib.get_close_matches(name, names, 1, _NEAR)), "")

    def lines(self) -> list[str]:
        """Write which there are, for people."""
        if not self.all:
            text = (
                "there are no templates; add some as [template.NAME] to the"
                f" configuration or to {FILE_NAME} in a project: see docs/templates.md"
            )
            return [text]
        lines = _lines(self.all)
        if self.project is not None and not self.project.trusted:
            lines.append(f"those of {safe_line(self.project.path)} are not trusted yet")
        return lines


class TrustProject(msgspec.Struct, frozen=True):
    """Trust the file of the project here, if it still has the digest that was shown.

    Attributes:
        known: Where it is remembered.
        digest: What a person typed.
    """

    known: Templates
    digest: str


def find_templates(wanted: FindTemplates) -> FoundTemplates:
    """Find the templates that hold here; blocks as long as the file system does."""
    known = wanted.known
    if not known.state:
        return FoundTemplates(known.configured)
    try:
        project = find_project(Path(known.state))
    except ConfigError as error:
        return FoundTemplates(known.configured, problem=str(error))
    except OSError as error:
        return FoundTemplates(known.configured, problem=_explained(error))
    return FoundTemplates(known.configured, project)


def find_project(state: Path, given: Path | None = None) -> Project | None:
    """Read the file of the project; blocks as long as the file system does.

    Args:
        state: The folder of all sessions.
        given: The file; by default the nearest one, from the working directory up.

    Returns:
        It; None if there is none.

    Raises:
        ConfigError: If it can't be used; the text names file, line and key.
        OSError: If what is trusted can't be read.
    """
    if given is not None:
        return _read_project(given.absolute(), state)
    try:
        here = Path.cwd()
    except OSError:
        return None  # it is gone
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
            return None  # a folder into which this user may not look
        raise ConfigError(f"can't read {file}: {error.strerror}") from error
    text = read_text(file)
    if text is None:
        return None
    tables = read_toml(file, text)
    for key in tables:
        if key != "template":
            raise _problem(
                file, text, "", key, "no such setting here; there is: template"
            )
    named = tables.get("template", {})
    found = _as_table(named)
    if found is None:
        raise _problem(file, text, "", "template", "expected tables: [template.NAME]")
    templates = _read_tables(file, text, found, str(file.parent))
    import hashlib  # noqa: PLC0415 - most projects have none

    digest = hashlib.sha256(f"{file}\0{text}".encode()).hexdigest()
    return Project(str(file), digest, digest in _trusted(state), templates)


def trust(state: Path, project: Project) -> str:
    """Remember that a person trusts a file as it is; blocks.

    Returns:
        A line that says so.

    Raises:
        OSError: If it can't be written down.
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


def trust_here(wanted: TrustProject) -> str:
    """Trust the file of the project here; blocks.

    Returns:
        A line that says so.

    Raises:
        UsageError: If there is none, or it is not the one that was shown.
    """
    state = Path(wanted.known.state)
    try:
        project = find_project(state) if wanted.known.state else None
        if project is None:
            raise UsageError(no_project())
        if not project.digest.startswith(wanted.digest):
            raise UsageError(
                f"{project.path} has changed since; look at it again with /trust"
            )
        return trust(state, project)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(_explained(error)) from error


def no_project() -> str:
    """Say that there is nothing to trust."""
    return f"there is no {FILE_NAME} in this directory, nor in one above it"


def read_run(found: FoundTemplates, rest: str) -> tuple[Template | None, str, Run]:
    """Read what a person wants to run: options, the name of a template, arguments.

    Returns:
        The template, or None if none has that name; the name; what is to be added.

    Raises:
        UsageError: If an option or a quote makes no sense.
    """
    typed, text = read_options(rest)
    name, arguments = split_word(text)
    template = found.find(name)
    if template is None:
        return None, name, Run(TaskRequest("", "bash"), typed)
    asked, _ = read_options(rest, template.asked)
    import shlex  # noqa: PLC0415 - the same

    try:
        words = shlex.split(arguments)
    except ValueError as error:
        reason = f"{error}".lower()
        raise UsageError(f"can't read the arguments of {name}: {reason}") from error
    return template, name, template.request(words, asked)


def _lines(templates: Sequence[Template]) -> list[str]:
    widest = max((len(it.name) for it in templates), default=0)
    return [f"  {it.name:<{widest}}  {it.summary}" for it in templates]


def _trusted(state: Path) -> frozenset[str]:
    try:
        fd = open_own(state / _TRUSTED, os.O_RDONLY)
    except FileNotFoundError:
        return frozenset()
    with os.fdopen(fd, "rb") as file:
        text = file.read(_MOST_TRUSTED).decode("utf-8", "replace")
    return frozenset(line.partition(" ")[0] for line in text.splitlines())


def _explained(error: OSError) -> str:
    what = "" if error.filename is None else f"can't use {error.filename}: "
    return f"{what}{error.strerror or error}"


def _read_tables(
    file: Path, text: str, tables: Mapping[str, object], folder: str
) -> tuple[Template, ...]:
    """Read tables of templates.

    Args:
        file: Where they are.
        text: What that holds, to find lines in.
        tables: By name.
        folder: Where their tasks run unless they say so; empty for where they are
            asked for.

    Raises:
        ConfigError: If one makes no sense.
    """
    return tuple(
        _read_table(file, text, name, table, folder) for name, table in tables.items()
    )


def _read_table(
    file: Path, text: str, name: str, given: object, folder: str
) -> Template:
    table = _as_table(given)

    def problem(key: str, why: str) -> ConfigError:
        return _problem(file, text, name, key, why)

    def word(key: str) -> str:
        value = "" if table is None else table.get(key, "")
        if not isinstance(value, str):
            raise problem(key, f"expected {_TEXT}")
        if "\0" in value:
            raise problem(key, "a NUL character can't be given to a command")
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
    if not os.path.isabs(directory):  # noqa: PTH117 - a text
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
    table = _as_table(value)
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


def _as_table(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _values(value: object, *, takes_one: bool) -> list[str]:
    """Return what is given to an option; once for each element of a list.

    Raises:
        UsageError: If it is of another type.
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


def _problem(file: Path, text: str, name: str, key: str, why: str) -> ConfigError:
    """Return an error that names the file, the line and the key."""
    line = _line_of(text, name, key)
    where = f"{file}, line {line}" if line else str(file)
    what = ".".join(it for it in ("template" if name else "", name, key) if it)
    return ConfigError(f"{where}: {what}: {why}")


def _line_of(text: str, name: str, key: str) -> int:
    """Return the line of a key of a template, or of its table; 0 if it is not found."""
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
