"""The request from which a task is created."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, cast

import msgspec
from msgspec.structs import force_setattr

from .terms import Terms
from .variables import Variables

_TEXT: Final = (str, type(None))
_VARIABLES: Final = (Variables, type(None))


class TaskRequest(msgspec.Struct, frozen=True, gc=False):
    """A request for a task.

    Attributes:
        description: The description of the task, for people.
        kind: The name of a registered kind, such as `bash`.
        args: The arguments of the kind; for `bash` one string, the command.
        origin: The source of the request, such as the name of a conversation; the
            actors only pass it on.
        directory: The working directory of its processes, an absolute path; by default
            that of the task system.
        environment: The environment variables of its processes; by default those of
            the task system. Kept until the task has ended, and never part of a `Task`.
        terms: Its options, such as when it may start; None for the defaults.
        key: An idempotency key, such as random letters, or empty. If a task with the
            key exists already, no other one is added, so a sender that got no answer
            can retry.
    """

    description: str
    kind: str
    args: tuple[str, ...] = ()
    origin: str = ""
    directory: str | None = None
    environment: Mapping[str, str] | None = None
    terms: Terms | None = None
    key: str = ""

    def __post_init__(self) -> None:
        """Convert lists and dictionaries to immutable types."""
        if (
            type(self.args) is tuple
            and type(self.directory) in _TEXT
            and type(self.environment) in _VARIABLES
        ):
            return  # the usual case; checks for abstract classes are slow
        args, directory = cast("object", self.args), cast("object", self.directory)
        environment = cast("object", self.environment)
        if isinstance(args, list):
            force_setattr(self, "args", tuple(cast("list[str]", args)))
        if isinstance(directory, os.PathLike):
            path = cast("os.PathLike[str]", directory)
            force_setattr(self, "directory", os.fspath(path))
        if isinstance(environment, Mapping):
            given = cast("Mapping[str, str]", environment)
            force_setattr(self, "environment", Variables.of(given))
