"""Commands that run templates and trust the templates of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors.rules.safe_text import brief, safe_line
from ....actors.rules.terms import PLAIN
from .. import completers
from ..arguments import UsageError
from ..effects import OfferLine
from ..lookups import Written
from ..new_task import Asked
from ..project_templates import Project, no_project
from ..registry import CommandSpec, also
from ..templates import FindTemplates, FoundTemplates, TrustProject, read_run
from .creation import Run, UnknownKindError, parse_bang

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class RunTemplate(msgspec.Struct, frozen=True):
    """Run a template, or a command if no template has that name.

    Attributes:
        text: Options, a name and arguments, as typed; empty to list the templates.
    """

    text: str

    def run(self, context: Context) -> list[Effect]:
        """Read the templates again, since a file may have changed, then run one."""

        def respond(result: FoundTemplates) -> list[Effect]:
            context.found_templates = result
            try:
                return self._run(context, result)
            except UnknownKindError as error:
                return context.refuse(str(error))
            except ValueError as error:
                corrected = getattr(error, "corrected", "")
                return context.refuse(str(error), corrected if context.drawn else "")

        search = FindTemplates(context.templates)
        return context.run_lookup(search, FoundTemplates, respond)

    def _run(self, context: Context, found: FoundTemplates) -> list[Effect]:
        if not self.text.strip():
            problem = context.refuse(found.problem) if found.problem else []
            lines = context.reply(found.lines(), laid_out=bool(found.all))
            return [lines, *problem]
        template, name, run = read_run(found, self.text)
        if template is None:
            return self._run_command(context, found, name, run.asked)
        if not found.is_trusted(template) and found.project is not None:
            context.waits_for_trust = f"{RUN.name} {self.text.strip()}"
            return ask_to_trust(context, found.project, "not run: ")
        asked = msgspec.structs.replace(run.asked, terms=PLAIN)
        confirmed = f"{RUN.name} --yes {self.text.lstrip()}"
        return Run(run.request, asked, confirmed).run(context)

    def _run_command(
        self, context: Context, found: FoundTemplates, name: str, asked: Asked
    ) -> list[Effect]:
        if found.problem:
            raise UsageError(found.problem)
        command = self.text.strip()
        if near := found.near(name):
            at = self.text.index(name)
            corrected = f"{self.text[:at]}{near}{self.text[at + len(name) :]}"
            raise UsageError(
                f"no template is called {brief(name)}; did you mean {near}? As a"
                f" command: !{brief(command)}",
                f"{RUN.name} {corrected.strip()}",
            )
        if asked != Asked():
            raise UsageError(
                f"no template is called {brief(name)}; for a command with options use"
                ' /task --OPTIONS "Description" bash COMMAND'
            )
        return parse_bang(self.text).run(context)


def ask_to_trust(context: Context, project: Project, what: str) -> list[Effect]:
    """Ask a person whether to trust the template file of a project."""
    path = safe_line(project.path)
    if not context.drawn:
        how = context.templates.how_to_trust
        return context.refuse(
            f"{what}{path} is not trusted yet; read it, then trust it with: {how}"
        )
    return [
        context.reply(project.lines(), laid_out=True),
        *context.refuse(
            f"{what}{path} is new or has changed; read it, then trust it with"
            f" {TRUST.name} {project.shown_digest}; Tab and Enter do so",
            f"{TRUST.name} {project.shown_digest}",
        ),
    ]


class TrustFile(msgspec.Struct, frozen=True):
    """Trust this project's template file by its digest; without a digest, show it."""

    digest: str

    def run(self, context: Context) -> list[Effect]:
        """Show the file, or trust it."""
        if not self.digest:
            return context.run_lookup(
                FindTemplates(context.templates),
                FoundTemplates,
                lambda it: _look(context, it),
            )

        def trusted(result: Written) -> list[Effect]:
            line, context.waits_for_trust = context.waits_for_trust, ""
            again = "; Tab and Enter run it" if line and context.drawn else ""
            effects: list[Effect] = [context.reply([f"{result.text}{again}"])]
            return [*effects, OfferLine(line)] if again else effects

        trust = TrustProject(context.templates, self.digest)
        return context.run_lookup(trust, Written, trusted)


def _look(context: Context, result: FoundTemplates) -> list[Effect]:
    context.found_templates = result
    project = result.project
    if result.problem or project is None:
        return context.refuse(result.problem or no_project())
    if project.trusted:
        told = f"{safe_line(project.path)} is trusted as it is now"
        return [context.reply([*project.lines(), told], laid_out=True)]
    return ask_to_trust(context, project, "")


RUN: Final = CommandSpec(
    "/run",
    "[OPTIONS] NAME [ARGS...]",
    "run a template, or a command line with bash if no template has that name",
    RunTemplate,
    completers.template,
    (
        "  /run test -k foo",
        "ARGS follow the command of the template, quoted. The options of /task come",
        "before NAME. Without arguments it lists the templates: see docs/templates.md.",
    ),
    bash_part=lambda rest: rest or None,
    synonyms=also("/templates"),
)


def _parse_trust(rest: str) -> TrustFile:
    word = rest.strip()
    if word and not (word.isalnum() and word.isascii() and len(word) >= _SHORTEST):
        raise UsageError(f"{brief(word)} is not a digest; {TRUST.name} alone shows it")
    return TrustFile(word)


_SHORTEST: Final = 8

TRUST: Final = CommandSpec(
    "/trust",
    "[DIGEST]",
    "trust the template file of this project",
    _parse_trust,
    details=(
        "Without DIGEST it shows the templates. A changed file must be trusted again.",
    ),
    private=True,
)
