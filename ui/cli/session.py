"""The session of a verb, and the directory of its tasks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...actors.cluster.ray_settings import SEND
from ..dialogue.templates import Templates
from ..program.config import load, use_in_jobs
from ..program.host_settings import host_settings
from ..program.session_directory import session_directory
from .call import Call, UsageError

if TYPE_CHECKING:
    import argparse


def find_session(options: argparse.Namespace) -> Call:
    """Return the call for the named session."""
    directory = session_directory(options.session, options.state_dir)
    config = load(options.config)
    use_in_jobs(options.config)
    settings = host_settings(config, directory, directory.name)
    templates = None
    if options.verb in {"templates", "trust"} or getattr(options, "template", None):
        templates = Templates.of(
            config, options.config, directory.parent, options.state_dir
        )
    return Call(options, directory.parent, settings, config.confirm, templates)


def enter_task_surroundings(options: argparse.Namespace) -> None:
    """Change to the task's directory, from which the host takes it."""
    given: list[tuple[str, str]] = getattr(options, "env", [])
    os.environ.update(given)
    if given and (asked := getattr(options, "asked", None)) and asked.terms.engine:
        before = os.environ.get(SEND, "")
        os.environ[SEND] = ",".join(filter(None, (before, *(it for it, _ in given))))
    workdir = getattr(options, "workdir", None)
    if workdir is not None:
        try:
            os.chdir(workdir)
        except OSError as error:
            raise UsageError(f"can't run in {workdir}: {error.strerror}") from error
        os.environ["PWD"] = os.getcwd()  # noqa: PTH109 - a text
