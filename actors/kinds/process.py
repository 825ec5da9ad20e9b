"""Jobs that are processes: started, watched, and ended with everything they started."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, cast

import msgspec

from ..own_files import NotOwnError, check_file
from ..processes import family
from ..processes.awaits_input import InputWatch
from ..processes.bounds import Bounds
from ..processes.child import ChildProcess, ExitStatus
from ..processes.ending import INTERVAL, KillRounds
from ..processes.environment import Environment
from ..processes.halting import HaltRounds
from ..processes.marks import MARK
from ..rules.outcome import GOES_ON, NEVER_KNOWN
from ..rules.safe_text import brief, size_text
from ..rules.shortage import WAITS_FOR
from .engine import Command, Outliving
from .kind import JobEnd, ShortageError, StartError, WrongKindError

if TYPE_CHECKING:
    from ..processes.adopted import AdoptedProcess
    from ..processes.channels import Channel
    from ..processes.handle import Process
    from ..rules.task import Task
    from .engine import Engine
    from .kind import Job, JobContext


_FAULT: Final = "the kind {!r} is at fault: {}() returned"

SEARCHES: Final = 20
"""Searches for what a job has started that may fail before it is told to end anyway."""


class ProcessJob:
    """A process and all that it starts.

    The job ends when its first process does; what that left behind on purpose
    (`server &`) goes on. A job that is told to stop ends when nothing of it is left.
    """

    def __init__(
        self,
        child: ChildProcess | AdoptedProcess,
        context: JobContext,
        channel: Channel | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.channel = channel
        """What leads to its input, if it takes any; see `TakesInput`."""
        self._child = child
        self._bounds = bounds
        self._context = context
        self._gave_way = False
        self._stopping = False
        self._searches = 0
        self._ending: KillRounds | None = None
        self._halting: HaltRounds | None = None
        self.pause_problem: str | None = None
        """See `TellsPause`."""
        self._family: list[Process] = []
        if child.in_doubt:
            context.notes.forget()  # the next program must not believe it either
        else:
            context.notes.started(child.process)
        # One that was adopted may have ended, and its id be another's: a look tells.
        if child.leads:
            context.exits.watch(child.pid, self._have_a_look)
        if channel is not None:
            channel.begin(context.look)

    def pid(self) -> int:
        """Return the id of its first process."""
        return self._child.pid

    def input_watch(self, *, waits: bool) -> InputWatch | None:
        """Return what tells whether it waits for input; see `TellsInput`."""
        if self.channel is None:
            return None
        return InputWatch(self.channel, self._child.pid, waits=waits)

    def progress(self) -> None:
        """Return None: progress is read from the output."""

    def look(self) -> JobEnd | None:
        """See whether it has ended; if it is being killed, go on with that."""
        status = self._child.exit_status()
        if status is not None and not self._is_drained():
            status = None  # what it wrote last is not in its output file yet
        if self._ending is not None:
            return self._go_on_ending(self._ending, status)
        if self._searches:
            self._ask_to_end()
        self._go_on_halting()
        if status is None or (self._stopping and self._something_left()):
            if not self._gave_way:
                # Not when it starts: most jobs that end before the first look are not
                # worth it.
                self._gave_way = True
                self._child.give_way()
            if self._bounds is not None and self._bounds.exceeded(self._child.pid):
                self.kill()
            return None
        return self._end(status)

    def _is_drained(self) -> bool:
        return self.channel is None or self.channel.finish()

    def pause(self) -> None:
        """Send SIGSTOP to its group, and to what left the group."""
        self._halt(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT to all of it."""
        self._halt(signal.SIGCONT)

    def stop(self) -> None:
        """Send SIGTERM to its group, and to what left the group.

        And SIGCONT, so that a stopped process can act on it.
        """
        self._stopping = True
        self._halting = None
        self._searches = SEARCHES
        self._ask_to_end()

    def kill(self) -> None:
        """Send SIGKILL to all of it, again and again until nothing is left."""
        self._stopping = True
        self._halting = None
        self._ending = KillRounds(self._find_family)
        self._kill(self._ending)
        self._have_a_look()

    def _halt(self, number: int) -> None:
        if self._stopping:
            return
        child, group = self._child, self._child.pid
        self.pause_problem = None
        self._halting = HaltRounds(
            self._find_family,
            child.signal_group,
            lambda process: child.leads and process.is_in_group(group),
            number,
        )
        self._go_on_halting()

    def _go_on_halting(self) -> None:
        if self._halting is None:
            return
        pause = self._halting.go_on()
        self.pause_problem = self._halting.problem
        if pause is None:
            self._halting = None
        else:
            self._context.clock.call_later(pause, self._have_a_look)

    def _ask_to_end(self) -> None:
        # Searched for first: what carries no mark and has a session of its own can be
        # recognized only as long as its parent lives.
        self._searches -= 1
        try:
            self._find_family()
        except (OSError, MemoryError):
            if self._searches > 0:
                self._context.clock.call_later(INTERVAL, self._have_a_look)
                return
        self._searches = 0
        leads, group = self._child.leads, self._child.pid
        self._child.signal_group(signal.SIGTERM)
        self._child.signal_group(signal.SIGCONT)
        with contextlib.suppress(OSError):
            family.ask_to_end(
                process
                for process in self._family
                if not (leads and process.is_in_group(group))
            )

    def _kill(self, ending: KillRounds) -> None:
        ending.go_on()
        # As above: not before what has left the group has been found.
        if not ending.is_in_doubt or ending.is_exhausted:
            self._child.signal_group(signal.SIGKILL)
            if self._bounds is not None:
                self._bounds.kill()

    def _go_on_ending(
        self, ending: KillRounds, status: ExitStatus | None
    ) -> JobEnd | None:
        self._kill(ending)
        if status is not None and ending.is_done:
            return self._end(status)
        if not ending.is_exhausted:
            self._context.clock.call_later(INTERVAL, self._have_a_look)
            return None
        if status is not None:
            self._reap(status)
        outcome = (status or ExitStatus()).outcome()
        leftover = f"could not be ended: {ending.left() or self._child.pid}"
        if self._bounds is not None:
            outcome = self._bounds.judged(outcome)
        return JobEnd(outcome, leftover, tuple(self._family))

    def _end(self, status: ExitStatus) -> JobEnd:
        has_left = self._reap(status) or self._holds_something()
        outcome = msgspec.structs.replace(status.outcome(), figures=self._child.figures)
        if self._bounds is not None:
            outcome = self._bounds.judged(outcome)
        if self.channel is not None and outcome.figures is not None:
            figures = msgspec.structs.replace(
                outcome.figures, terminal=self.channel.size
            )
            outcome = msgspec.structs.replace(outcome, figures=figures)
        if self.channel is not None and (lost := self.channel.lost):
            reason = f"{outcome.reason}; {size_text(lost)} of output were not written"
            outcome = msgspec.structs.replace(outcome, reason=reason)
        if has_left:
            names = ""
            with contextlib.suppress(OSError, MemoryError):
                names = family.describe(self._find_family())
            if names:
                reason = f"{outcome.reason}{GOES_ON}{names}"
                outcome = msgspec.structs.replace(outcome, reason=reason)
                return JobEnd(outcome, left=tuple(self._family))
        return JobEnd(outcome)

    def _reap(self, status: ExitStatus) -> bool:
        # Written down first: if this program is killed now, nobody else can tell.
        if (number := status.wait_status) is not None:
            self._context.notes.ended(self._child.process, number)
        return self._child.reap()

    def _holds_something(self) -> bool:
        """Tell whether its control group has processes that left the session."""
        if self._bounds is None:
            return False
        with contextlib.suppress(OSError):
            return bool(self._bounds.members())
        return False

    def _something_left(self) -> bool:
        try:
            # The search costs milliseconds, so look first at those known to be left.
            return any(it.is_alive() for it in self._family) or bool(
                self._find_family()
            )
        except (OSError, MemoryError):
            return True  # the next look may tell

    def _have_a_look(self) -> None:
        # Nobody will if its actor was stopped; then nobody else collects it.
        if self._context.look() is False:
            self._is_drained()
            self._child.reap()

    def _find_family(self) -> list[Process]:
        leader = self._child.pid if self._child.leads else None
        known = self._family
        if self._bounds is not None:
            members = [it for it in self._bounds.members() if it.pid != leader]
            known = [*dict.fromkeys([*known, *members])]
        self._family = family.find_family(leader, self._context.mark, known)
        return self._family


def _bounds_for(context: JobContext) -> Bounds | None:
    """Return the limits of a task that is about to start; nearly always none."""
    terms, attempt = context.task.terms, context.task.attempt
    if terms is None or not terms.has_limits:
        return None
    return Bounds.made(terms, context.mark, 1 if attempt is None else attempt.number)


class LocalEngine:
    """Runs jobs as processes of this machine, each at once."""

    name = ""
    slots = 0

    def start(self, command: Command, context: JobContext) -> ProcessJob:
        """Start the process; see `Engine`."""
        output = context.task.output_path
        if output is None:
            raise StartError("a process needs an output file")
        argv, directory = command.argv, command.directory
        try:
            environment = command.environment
            bounds = _bounds_for(context)
            with context.channels.opened(context.task) as channel:
                if channel is not None:
                    environment = channel.prepare(environment)
                child = ChildProcess(
                    argv,
                    environment,
                    output,
                    directory,
                    goes_on=context.task.attempt is not None,
                    channel=channel,
                    bounds=bounds,
                    notes=context.notes,
                )
        except OSError as error:
            if (waits_for := WAITS_FOR.get(error.errno or 0)) is not None:
                raise ShortageError(waits_for) from error
            if problem := _problem_of(directory):
                raise StartError(problem) from error
            if error.errno == errno.EEXIST:
                _check_output(Path(output))  # says what is there already
            raise StartError(_explain(error, argv[0], output)) from error
        except ValueError as error:
            raise StartError(f"can't start {argv[0]}: {error}") from error
        return ProcessJob(child, context, channel, bounds)

    def close(self) -> None:
        """Do nothing: it holds nothing."""


LOCAL: Final = LocalEngine()
"""Where a job runs that names no engine."""


class ProcessKind:
    """A kind whose jobs are processes.

    A subclass names itself and turns a request's arguments into a command; that is
    all it takes to add one.

    One object serves all tasks of its kind. `check` is called by the QueueActor.
    `start`, and with it `command`, `environment` and `directory`, is called by the
    actors of tasks, on several threads at once. So what concerns one task must come
    from that task or its arguments, never from an attribute of the kind that another
    call may change.

    Attributes:
        name: What it is called in a request: a short word.
        usage: Its arguments, for help.
        summary: What it does, for help, in a few words.
        writes_output: Whether its jobs write an output file; these always do.
        uses_engines: Whether its jobs can run on an engine; these always can.
        takes_input: Whether its jobs can have a terminal, or read what they are sent.
        can_pause: Whether its jobs can be paused; these can.
    """

    name: str
    usage: str = ""
    summary: str = ""
    writes_output = True
    uses_engines = True
    takes_input = True
    can_pause = True

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the program and its arguments for a request's arguments.

        Called when the task starts, by its actor; must not block.
        """
        raise NotImplementedError

    def environment(
        self,
        task: Task,
        inherited: Mapping[str, str],
    ) -> Mapping[str, str]:
        """Return the environment of a task's processes; by default what they inherit.

        `BACKBURNER_TASK` is added to it. Called when the task starts, by its actor;
        must not block.

        Args:
            task: The task, Running.
            inherited: The environment that its request came with, or else that of this
                process when the task system was started, with `PYTHONUNBUFFERED`. Can't
                be changed; return a copy with what is to be different:
                `{**inherited, "CI": "1"}`.
        """
        del task
        return inherited

    def directory(self, task: Task) -> str | os.PathLike[str] | None:
        """Return where a task's processes start; by default where its request says.

        Called when the task starts, by its actor; must not block.

        Args:
            task: The task, Running.

        Returns:
            An absolute path, or none for `task.directory`.
        """
        return task.directory

    def check(self, args: tuple[str, ...]) -> None:
        """Accept any arguments; a subclass may refuse some.

        Raises:
            InvalidRequestError: In a subclass, if they make no sense.
        """

    def start(self, context: JobContext) -> Job:
        """Have the engine start the process; blocks for the millisecond that takes.

        Raises:
            ShortageError: If the system lacks a process, a descriptor or memory.
            StartError: If there is no such directory, the output file can't be written,
                or the program can't be started.
            WrongKindError: If `command`, `environment` or `directory` of a subclass
                returned what it may not.
        """
        if context.task.output_path is None:
            raise StartError(f"{self.name} jobs need an output file")
        command = self._whole_command_for(context)
        return (context.engine or LOCAL).start(command, context)

    def _whole_command_for(self, context: JobContext) -> Command:
        directory = self._directory_for(context.task)
        argv = self._command_for(context.task)
        try:
            environment = self._environment_for(context, directory)
        except OSError as error:
            if (waits_for := WAITS_FOR.get(error.errno or 0)) is not None:
                raise ShortageError(waits_for) from error
            raise StartError(_explain(error, argv[0], "")) from error
        terms = context.task.terms
        if terms is None:
            return Command(argv, environment, directory)
        limits = terms if terms.has_limits else None
        return Command(argv, environment, directory, terms.engine_needs, limits)

    def adopt(self, context: JobContext, process: AdoptedProcess | None) -> Job:
        """Return the job of a process that a killed program has left.

        Raises:
            ShortageError: If it ran on an engine that can't be reached just now.
            StartError: If it is not known which process that was.
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
        if isinstance(argv, str | bytes) or not isinstance(argv, Sequence):
            self._refuse("command", argv, "a list: the program and its arguments")
        words = cast("Sequence[object]", argv)
        if not words:
            self._refuse("command", words, "the program at least")
        if not all(isinstance(word, str) for word in words):
            self._refuse("command", words, "a list of str and nothing else")
        return cast("Sequence[str]", words)

    def _refuse(self, method: str, returned: object, wanted: str) -> NoReturn:
        text = _FAULT.format(self.name, method)
        raise WrongKindError(f"{text} {brief(repr(returned))}; it must return {wanted}")

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

    def _environment_for(self, context: JobContext, directory: str) -> Environment:
        inherited = context.environment
        given = inherited.variables
        variables = self.environment(context.task, given)
        if variables is not given:
            if not isinstance(cast("object", variables), Mapping):
                self._refuse("environment", variables, "a dict of str")
            for name, value in variables.items():
                if not isinstance(cast("object", value), str):
                    # What it holds may be secret.
                    given = f"{type(value).__name__} for {name!r}"
                    text = _FAULT.format(self.name, "environment")
                    raise WrongKindError(f"{text} {given}; every value must be str")
            inherited = Environment(variables)
        before = inherited.get("PWD", "")
        if before and not _is_same(before, directory):
            # Programs believe it, and would work where somebody else is.
            inherited = inherited.plus("PWD", directory)
        return inherited.plus(MARK, context.mark)


def _is_same(before: str, directory: str) -> bool:
    if before == directory:
        return True
    try:
        return Path(directory).samefile(before)
    except (OSError, ValueError):
        return False


def _problem_of(directory: str) -> str | None:
    """Return why no process can start in a directory; none if one can."""
    try:
        is_directory = stat.S_ISDIR(os.stat(directory).st_mode)  # noqa: PTH116
    except FileNotFoundError:
        return f"its directory {directory} does not exist; make it, and run it again"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"its directory {directory} can't be used: {why}"
    if not is_directory:
        return f"its directory {directory} is not a directory"
    if not os.access(directory, os.X_OK):
        return f"its directory {directory} can't be used: Permission denied"
    return None


def _check_output(path: Path) -> None:
    """Say what is in the place of an output file, unless it is a file of this user.

    Raises:
        StartError: If it is something else.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = path.lstat()
        try:
            if not stat.S_ISDIR(found.st_mode):  # opening it says so
                check_file(found, path)
        except NotOwnError as error:
            text = f"can't write its output file {path}: {error.strerror}"
            raise StartError(text) from error


def _explain(error: OSError, program: str, output: str) -> str:
    why = error.strerror or str(error)
    if error.errno == errno.EEXIST and str(error.filename) == output:
        return f"can't write its output file {output}: it exists already; move it away"
    if str(error.filename) == output:
        return f"can't write its output file {output}: {why}"
    if error.errno == errno.E2BIG:
        return f"can't start {program}: the command is too long; put it into a script"
    if error.errno == errno.ENOENT and error.filename == program:
        return f"{program}: not found; install it, or put it on the PATH"
    return f"can't start {error.filename or program}: {why}"
