"""The available templates: those of the configuration and those of the project."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import msgspec

from ...actors import TaskRequest
from ...actors.rules.safe_text import safe_line
from ..program.config import Config, ConfigError, default_path, read_text
from .arguments import UsageError, split_word
from .project_templates import FILE_NAME, Project, find_project, no_project, trust
from .template import Run, Template, read_tables, template_lines
from .term_options import read_options

_NEAR: Final = 0.75


class Templates(msgspec.Struct, frozen=True):
    """The configured templates, and where to find those of projects.

    Attributes:
        configured: The templates of the configuration.
        state: The folder of all sessions, which records trusted files; empty to use
            only configured templates.
        how_to_trust: The command that trusts the file of a project.
    """

    configured: tuple[Template, ...] = ()
    state: str = ""
    how_to_trust: str = "backburner trust"

    @classmethod
    def of(
        cls, config: Config, file: Path | None, state: Path, named: Path | None = None
    ) -> Templates:
        """Return the templates for a configuration.

        Args:
            config: The configuration.
            file: The configuration file; None for the default path.
            state: The folder of all sessions.
            named: The folder of all sessions if given on the command line; the command
                to trust a file repeats it then.

        Raises:
            ConfigError: If a template is invalid.
        """
        words = [] if named is None else ["--state-dir", str(named.absolute())]
        how_to_trust = safe_line(shlex.join(["backburner", "trust", *words]))
        file = file or default_path()
        configured: tuple[Template, ...] = ()
        if config.template:
            # For line numbers in errors; a pipe can't be read again, so it has none.
            text = (file.is_file() and read_text(file)) or ""
            configured = read_tables(file, text, {**config.template}, "")
        return cls(configured, str(state), how_to_trust)


class FindTemplates(msgspec.Struct, frozen=True):
    """Find the templates available here: the known ones and those of the project."""

    known: Templates


class FoundTemplates(msgspec.Struct, frozen=True):
    """The templates available here.

    Attributes:
        configured: The templates of the configuration.
        project: The project's file, if there is one.
        problem: Why the project's file is invalid; empty if it is valid.
    """

    configured: tuple[Template, ...] = ()
    project: Project | None = None
    problem: str = ""

    @property
    def all(self) -> tuple[Template, ...]:
        """All templates; a project's template hides a configured one of its name."""
        of_project = () if self.project is None else self.project.templates
        names = {it.name for it in of_project}
        others = (it for it in self.configured if it.name not in names)
        return (*of_project, *others)

    def find(self, name: str) -> Template | None:
        """Return the template with this name; None if there is none."""
        return next((it for it in self.all if it.name == name), None)

    def is_trusted(self, template: Template) -> bool:
        """Return whether a template may run."""
        project = self.project
        return project is None or project.trusted or template.source != project.path

    def near(self, name: str) -> str:
        """Return a similar name; empty if there is none."""
        import difflib  # noqa: PLC0415 - only errors need it

        names = [it.name for it in self.all]
        return next(iter(difflib.get_close_matches(name, names, 1, _NEAR)), "")

    def lines(self) -> list[str]:
        """Return the templates as lines of text."""
        if not self.all:
            text = (
                "there are no templates; add some as [template.NAME] to the"
                f" configuration or to {FILE_NAME} in a project: see docs/templates.md"
            )
            return [text]
        lines = template_lines(self.all)
        if self.project is not None and not self.project.trusted:
            lines.append(
                f"the templates of {safe_line(self.project.path)} are not trusted yet"
            )
        return lines


class TrustProject(msgspec.Struct, frozen=True):
    """Trust the project's file, if it still has the digest that a person typed."""

    known: Templates
    digest: str


def find_templates(wanted: FindTemplates) -> FoundTemplates:
    """Find the templates available here. Blocks."""
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


def trust_here(wanted: TrustProject) -> str:
    """Trust the project's file. Blocks.

    Returns:
        A line that says so.

    Raises:
        UsageError: If there is no file, or it has another digest.
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


def read_run(found: FoundTemplates, rest: str) -> tuple[Template | None, str, Run]:
    """Parse options, the name of a template, and its arguments.

    Returns:
        The template, or None if none has that name; the name; the task to add.

    Raises:
        UsageError: If an option or a quote is invalid.
    """
    typed, text = read_options(rest)
    name, arguments = split_word(text)
    template = found.find(name)
    if template is None:
        return None, name, Run(TaskRequest("", "bash"), typed)
    asked, _ = read_options(rest, template.asked)
    import shlex  # noqa: PLC0415 - only templates need it

    try:
        words = shlex.split(arguments)
    except ValueError as error:
        reason = f"{error}".lower()
        raise UsageError(f"can't read the arguments of {name}: {reason}") from error
    run = template.request(words, asked)
    if asked.label:
        request = msgspec.structs.replace(run.request, description=asked.label)
        run = msgspec.structs.replace(run, request=request)
    return template, name, run


def _explained(error: OSError) -> str:
    what = "" if error.filename is None else f"can't use {error.filename}: "
    return f"{what}{error.strerror or error}"
