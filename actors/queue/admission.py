"""Validating the requests of tasks, and filling in defaults."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from ..kinds import InvalidRequestError, Kind, Kinds
from ..kinds.kind import check
from ..rules.field_types import not_unicode
from ..rules.safe_text import brief, is_unicode
from ..rules.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kinds import Engine
    from ..messages import EditTask
    from ..rules.request import TaskRequest
    from ..rules.task import Task
    from ..rules.terms import Terms
    from .changes import Changes


class Admission:
    """Validates the requests of new tasks; see `QueueConfig`."""

    def __init__(
        self,
        changes: Changes,
        kinds: Kinds,
        directory: str | None,
        environment: Variables | None,
        *,
        engines: Mapping[str, Engine] | None = None,
    ) -> None:
        self._engines = engines or {}
        self._changes = changes
        self._kinds = kinds
        self._directory = directory
        self._environment = environment

    def admit(self, request: TaskRequest) -> tuple[TaskRequest, Kind]:
        """Validate a request; return it with a directory, environment and start time.

        Raises:
            InvalidRequestError: If it is invalid.
        """
        request = self._placed(request)
        kind = self._check(request)
        return self._timed(request), kind

    def check_edit(self, task: Task, edit: EditTask) -> None:
        """Validate the change of a task.

        Raises:
            InvalidRequestError: If it is invalid.
        """
        if edit.description is None and edit.args is None:
            raise InvalidRequestError("give a description or arguments")
        args = task.args if edit.args is None else edit.args
        name = task.description if edit.description is None else edit.description
        # Without the terms, which were checked before: its dependencies may have left
        # the history since.
        self._check(replace(task.request, args=args, description=name, terms=None))

    def _check(self, request: TaskRequest) -> Kind:
        kind = self._kinds.find(request.kind)
        if not request.description.strip():
            raise InvalidRequestError("missing description")
        if not isinstance(cast("object", request.args), tuple):
            given = type(request.args).__name__
            raise InvalidRequestError(f"request.args must be tuple, not {given}")
        self._check_place(request)
        texts = (request.description, request.origin, request.key, *request.args)
        if not is_unicode("".join(texts)):
            raise InvalidRequestError(not_unicode(request))
        if request.terms is not None:
            self._check_terms(request.terms)
            if request.terms.engine:
                self._check_engine(request.terms, kind)
            takes_input = getattr(kind, "takes_input", False)
            if request.terms.input is not None and not takes_input:
                raise InvalidRequestError(f"{kind.name} tasks take no input")
        check(kind, request.args)
        return kind

    def _check_place(self, request: TaskRequest) -> None:
        directory, environment = request.directory, request.environment
        if directory is not None:
            if not directory:
                raise InvalidRequestError(
                    "directory is empty, or the current directory is gone, or its name"
                    " is not valid UTF-8; give another one"
                )
            if not directory.startswith("/"):
                raise InvalidRequestError(
                    f"the directory {brief(directory)!r} is not an absolute path;"
                    " give one"
                )
            if not is_unicode(directory) or "\0" in directory:
                is_text = is_unicode(directory)
                problem = "has a NUL character" if is_text else "is not valid UTF-8"
                raise InvalidRequestError(
                    f"the directory {brief(directory)!r} can't be stored: it {problem};"
                    " use another one"
                )
        if isinstance(environment, Variables) and environment is not self._environment:
            problem = environment.problem()
            if problem is not None:
                raise InvalidRequestError(problem)

    def _check_terms(self, terms: Terms) -> None:
        problem = terms.problem()
        if problem is not None:
            raise InvalidRequestError(problem)
        scheduler = self._changes.book.scheduler
        if (problem := scheduler.never_enough(terms.local_needs)) is not None:
            raise InvalidRequestError(problem)
        for task_id in terms.waits_for:
            if task_id not in self._changes.book.tasks:
                why = self._changes.unknown(task_id).text
                raise InvalidRequestError(f"can't start after #{task_id}: {why}")

    def _check_engine(self, terms: Terms, kind: Kind) -> None:
        engine = terms.engine
        if engine not in self._engines:
            known = ", ".join(self._engines) or "none"
            raise InvalidRequestError(
                f"unknown engine {brief(engine)!r}; the engines are: {known}"
            )
        if not getattr(kind, "uses_engines", False):
            raise InvalidRequestError(
                f"{kind.name} tasks run only on this machine; leave out the engine"
            )
        takes_input = getattr(self._engines[engine], "takes_input", False)
        if terms.input is not None and takes_input is not True:
            raise InvalidRequestError(f"a task on {engine} takes no input")

    def _placed(self, request: TaskRequest) -> TaskRequest:
        """Return a request with a directory and an environment."""
        directory, environment = request.directory, request.environment
        if directory is not None and environment is not None:
            return request
        if directory is None:
            directory = self._directory
        if environment is None:
            environment = self._environment
        return replace(request, directory=directory, environment=environment)

    def _timed(self, request: TaskRequest) -> TaskRequest:
        """Return a request with a start time if it has a delay."""
        terms = request.terms
        if terms is None or terms.delay is None:
            return request
        at = self._changes.now().wall + timedelta(seconds=terms.delay)
        return replace(request, terms=replace(terms, at=at))
