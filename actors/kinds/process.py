"""Jobs that are processes: started, watched, and ended with all their descendants."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from ..processes.bounds import Bounds
from ..processes.environment import Environment
from ..processes.marks import MARK
from ..rules.outcome import NEVER_KNOWN
from ..rules.shortage import WAITS_FOR
from .engine import Command, Outliving
from .kind import InvalidRequestError, StartError, WrongKindError, raised
from .local_engine import LOCAL, start_error
from .process_job import ProcessJob

if TYPE_CHECKING:
    from ..processes.adopted import AdoptedProcess
    from ..rules.task import Task
    from .engine import Engine
    from .kind import Job, JobContext


class ProcessKind:
    """A kind whose jobs are processes.

    A subclass only needs a name and a method that turns the arguments of a request into
    a command.

    One object serves all tasks of its kind. `check` is called by the QueueActor.
    `start`, and with it `command`, `environment` and `directory`, is called by
    TaskActors, on several threads concurrently. So data of one task must come from that
    task or its arguments, never from an attribute of the kind that another call may
    change.

    Attributes:
        name: Its name in requests: a short word.
        usage: Its arguments, for help.
        summary: A short description, for help.
        writes_output: Whether its jobs write output files; always true here.
        uses_engines: Whether its jobs can run on an engine; always true here.
        takes_input: Whether its jobs can have a terminal or read input.
        can_pause: Whether its jobs can be paused; true here.
    """

    name: str
    usage: str = ""
    summary: str = ""
    writes_output = True
    uses_engines = True
    takes_input = True
    can_pause = True

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the program and its arguments for the arguments of a request.

        Called by a TaskActor when the task starts; must not block.
        """
        del args
        raise WrongKindError(
            self.name,
            "it has no command(args); define one that returns a list: the program and"
            " its arguments",
        )

    def environment(
        self, task: Task, inherited: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Return the environment of a task's processes; by default the inherited one.

        `BACKBURNER_TASK` is added to it. Called by a TaskActor when the task starts;
        must not block.

        Args:
            task: The task, Running.
            inherited: The environment of the request, or of this process when the task
                system was started; with `PYTHONUNBUFFERED`. Read-only; return a changed
                copy: `{**inherited, "CI": "1"}`.
        """
        del task
        return inherited

    def directory(self, task: Task) -> str | os.PathLike[str] | None:
        """Return the working directory of a task; by default that of its request.

        Called by a TaskActor when the task starts; must not block.

        Args:
            task: The task, Running.

        Returns:
            An absolute path, or None for `task.directory`.
        """
        return task.directory

    def check(self, args: tuple[str, ...]) -> None:
        """Accept any arguments; a subclass may reject some.

        Raises:
            InvalidRequestError: In a subclass, if they are invalid.
        """

    def start(self, context: JobContext) -> Job:
        """Start the process on the engine; blocks for about a millisecond.

        Raises:
            ShortageError: If the system lacks a process, a descriptor or memory.
            StartError: If the directory does not exist, the output file can't be
                written, or the program can't be started.
            WrongKindError: If `command`, `environment` or `directory` of a subclass
                raised, or returned an invalid value.
        """
        if context.task.output_path is None:
            raise StartError(f"{self.name} jobs need an output file")
        command = self._whole_command_for(context)
        return (context.engine or LOCAL).start(command, context)

    def _whole_command_for(self, context: JobContext) -> Command:
        task, method = context.task, "directory"
        try:
            directory = self._directory_for(task)
            method = "command"
            argv = self._command_for(task)
            method = "environment"
            variables = self.environment(task, context.environment.variables)
        except (StartError, InvalidRequestError, MemoryError):
            raise
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in WAITS_FOR:
                raise start_error(error, self.name) from error
            raise raised(self, method, error) from error
        try:
            environment = self._environment_for(context, directory, variables)
        except OSError as error:
            raise start_error(error, argv[0]) from error
        terms = context.task.terms
        if terms is None:
            return Command(argv, environment, directory)
        limits = terms if terms.has_limits else None
        return Command(argv, environment, directory, terms.engine_needs, limits)

    def adopt(self, context: JobContext, process: AdoptedProcess | None) -> Job:
        """Adopt the process of a killed program, and return its job.

        Raises:
            ShortageError: If its engine can't be reached now.
            StartError: If it is not known which process it was.
        """
        if context.engine is not None:
            return self._adopt_from(context.engine, context)
        if process is None:
            raise StartError(NEVER_KNOWN.reason)
        if process.in_doubt and process.runs(self._command_for(context.task)):
            process.in_doubt = False
        terms, bounds = context.task.terms, None
        if terms is not None and terms.has_limits:
            bounds = Bounds.found(terms, context.mark, process.pid)
        channel = context.channels.adopt(context.task)
        return ProcessJob(process, context, channel, bounds)

    def _adopt_from(self, engine: Engine, context: JobContext) -> Job:
        if isinstance(engine, Outliving):
            return engine.adopt(self._whole_command_for(context), context)
        output = context.output
        if context.task.node or (output is not None and output.exists()):
            raise StartError(
                f"the session's host was killed while it ran on {engine.name}"
            )
        return engine.start(self._whole_command_for(context), context)

    def _command_for(self, task: Task) -> Sequence[str]:
        argv = cast("object", self.command(task.args))
        if not isinstance(argv, list) and (
            isinstance(argv, str | bytes) or not isinstance(argv, Sequence)
        ):
            self._refuse("command", argv, "a list: the program and its arguments")
        words = cast("Sequence[object]", argv)
        if not words:
            self._refuse("command", words, "the program at least")
        for word in words:
            if not isinstance(word, str):
                self._refuse("command", words, "a list of str and nothing else")
        return cast("Sequence[str]", words)

    def _refuse(self, method: str, returned: object, wanted: str) -> NoReturn:
        wanted = f"it must return {wanted}"
        raise WrongKindError.returned(self.name, method, returned, wanted)

    def _directory_for(self, task: Task) -> str:
        directory = self.directory(task) or task.directory
        if not isinstance(cast("object", directory), str | os.PathLike | None):
            self._refuse("directory", directory, "a path or None")
        if directory is None:
            raise StartError(
                "the directory in which it was added is not known: an older version"
                " queued it; add it again"
            )
        path = os.fspath(directory)
        if not os.path.isabs(path):  # noqa: PTH117 - for every start
            raise StartError(f"its directory {path} is not an absolute path")
        return path

    def _environment_for(
        self, context: JobContext, directory: str, variables: Mapping[str, str]
    ) -> Environment:
        inherited = context.environment
        given = inherited.variables
        if variables is not given:
            if not isinstance(cast("object", variables), Mapping):
                self._refuse("environment", variables, "a dict of str")
            for name, value in variables.items():
                if not isinstance(cast("object", value), str):
                    # Values may be secret.
                    given = f"{type(value).__name__} for {name!r}"
                    text = f"environment() returned {given}; every value must be str"
                    raise WrongKindError(self.name, text)
            inherited = Environment(variables)
        before = inherited.get("PWD", "")
        if before and not _is_same(before, directory):
            # Programs trust PWD, and would work in the wrong directory.
            inherited = inherited.plus("PWD", directory)
        return inherited.plus(MARK, context.mark)


def _is_same(before: str, directory: str) -> bool:
    if before == directory:
        return True
    try:
        return Path(directory).samefile(before)
    except (OSError, ValueError):
        return False
