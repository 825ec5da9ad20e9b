"""What somebody wants done: the request that a task is made from."""

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
        args: What the kind needs to know; for `bash` one string, the command.
        origin: Who asked, such as the name of a conversation; the actors only hand it
            on.
        directory: Where its processes start, as an absolute path; by default where the
            task system was started.
        environment: The environment variables of its processes; by default those that
            the task system was started with. Kept until the task has ended, and never
            part of a `Task`.
        terms: When it may start, and how long it may take; `None` for as soon as it is
            its turn, and as long as it takes.
        key: A name for this request that nobody else chooses, such as random letters,
            or empty. A request whose key a task has already adds no other one, so that
            a sender that got no answer can ask again.
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
        """Make immutable what came as a list or as a dictionary."""
        if (
            type(self.args) is tuple
            and type(self.directory) in _TEXT
            and type(self.environment) in _VARIABLES
        ):
            return  # as nearly always; abstract classes answer slowly
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
