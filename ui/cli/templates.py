"""Templates on the command line: running, listing and trusting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...actors.rules.safe_text import brief, safe_line
from ..dialogue.project_templates import FILE_NAME, find_project, no_project, trust
from ..dialogue.templates import (
    FindTemplates,
    FoundTemplates,
    Templates,
    find_templates,
)
from .call import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from .call import Call


def apply(call: Call) -> None:
    """Fill in options from a template, unless they were given; may block.

    Raises:
        UsageError: If there is no template of that name, or it is not trusted.
    """
    options = call.options
    found = _found(call)
    template = found.find(options.template)
    if template is None:
        if found.problem:
            raise UsageError(found.problem)
        near = found.near(options.template)
        hint = f"did you mean {near}?" if near else "`backburner templates` lists them"
        raise UsageError(f"no template is called {brief(options.template)}; {hint}")
    if not found.is_trusted(template) and found.project is not None:
        raise UsageError(
            f"not run: {found.project.path} is not trusted yet; read it, then trust it"
            f" with: {_known(call).how_to_trust}"
        )
    asked = template.asked
    for option, value in options.given:
        asked = option.add_to(asked, value)
    run = template.request(options.words, asked)
    options.asked = asked
    options.words = [*run.request.args]
    options.label = options.label or run.request.description
    options.workdir = options.workdir or run.request.directory
    options.env = [*template.environment, *options.env]


def list_templates(call: Call) -> int:
    """List the templates of this directory; may block."""
    found = _found(call)
    if found.problem:
        raise UsageError(found.problem)
    listed: list[dict[str, Any]] = [
        {
            "name": it.name,
            "command": it.command,
            "description": it.description,
            "source": it.source,
            "trusted": found.is_trusted(it),
        }
        for it in found.all
    ]
    call.show(listed, found.lines)
    return 0


def trust_file(call: Call) -> int:
    """Trust the templates of a project; may block."""
    given: Path | None = call.options.file
    if given is not None and given.is_dir():
        given /= FILE_NAME
    project = find_project(call.state, given)
    if project is None:
        raise UsageError(no_project() if given is None else f"there is no {given}")
    told = trust(call.state, project)
    value = {"path": project.path, "digest": project.digest}
    call.say_done(value, *project.lines(), safe_line(told))
    return 0


def _known(call: Call) -> Templates:
    return call.templates or Templates()


def _found(call: Call) -> FoundTemplates:
    return find_templates(FindTemplates(_known(call)))
