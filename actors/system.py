"""The TaskSystem: starts and stops the actors in order; the API's entry point."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self, cast

from msgspec.structs import replace

from .journal.errors import JournalError
from .kinds import BashKind, Kinds, SleepKind, checked_engines
from .processes import limits
from .rules.resources import checked_resources
from .rules.shortage import shortage_of
from .runtime.promise import Deadline
from .runtime.sending import DeadLetters, Recipient
from .session.asking import ANSWER_TIMEOUT, NOT_STARTED
from .session.blocking import Requests
from .session.errors import RefusedError, SessionInUseError, TaskSystemError
from .session.folder_errors import FolderError, InUseError
from .session.names import absolute, check_reason, listed
from .session.opening import Opened, Opening
from .session.shutdown import STOP_TIMEOUT, Shutdown, ShutdownConfig
from .session.starting import Settings, StartConfig, Starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import pykka

    from .kinds import Engine, Kind
    from .messages import Notification, Subscribe
    from .processes.channels import Store
    from .processes.notes import ProcessNotes
    from .queue_actor import QueueActor
    from .runtime.clock import Clock
    from .runtime.mailbox import Scheduler

_START_TIMEOUT: Final = 2.0
"""Seconds within which a job start in progress is recorded, even on a busy machine."""


class TaskSystem(Requests):
    """The actors of one session, connected, started and stopped together.

    Several systems can run in one process. A system doesn't touch signals, the logging
    configuration, the standard streams, or actors other than its own.

    A `with` block starts and stops it. Its methods may be called on any thread except
    those of its own actors. Methods that ask the actors raise `RuntimeError` if the
    system is not started, `TaskSystemError` if its actors were stopped by other code,
    and `TimeoutError` if there was no answer in `answer_timeout` seconds. In a process
    that was forked after the start, `stop`, the end of the `with` block and `hurry` do
    nothing, and requests raise `TaskSystemError`.

    While the system stops, it answers requests, but refuses to add tasks
    (`RefusalCode.CLOSING`).

    Args:
        directory: The directory of the session, which contains its journal and, in
            `output/`, its output files. Created if it is missing. Its state is kept:
            queued tasks run when it is opened again. A relative path is resolved at
            once. If None, nothing is kept, and the output is in a temporary directory
            that `stop` deletes.
        name: The name of the session: letters, digits, `.`, `_` and `-`.
        slots: How many tasks run at a time; at least 1.
        kinds: The kinds of tasks, with unique names; by default `bash` and `sleep`.
        grace: Seconds between SIGTERM and SIGKILL when a task is ended.
        history: How many finished tasks are kept; the oldest are removed.
        output_limit: Bytes of output; exceeding it fails the task.
        session_output_limit: Bytes of output of all tasks together. If exceeded, the
            oldest finished tasks are removed; if that is not enough, the task that
            writes is ended.
        adopt: Whether jobs that a killed program left running keep running, as do their
            tasks. By default they are ended when the session is opened, and their
            tasks have failed.
        pause_on_failure: Whether the failure of a task pauses its group until the group
            is resumed. `set_group` sets this for one group.
        resources: Names and amounts of resources that tasks may reserve while they run:
            `{"gpu": 2, "memory": "16G"}`. The suffixes K, M, G and T are powers of
            1024. Nothing is measured or enforced; `Terms.needs` states the amounts.
        engines: Where tasks may run besides this machine, with unique names;
            `Terms.engine` of a request chooses one. `stop` closes them.
        clock: The clock of its actors and jobs; by default the real one. A test passes
            a `ManualClock`. Timeouts of blocking calls, such as `wait` and `stop`, are
            always in real time.

    Raises:
        TypeError: If an argument, or one of the kinds, has a wrong type.
        ValueError: If an argument is invalid.
    """

    def __init__(  # noqa: PLR0913 - each is one independent setting
        self,
        *,
        directory: str | os.PathLike[str] | None = None,
        name: str = "main",
        slots: int = 8,
        kinds: Iterable[Kind] | None = None,
        grace: float = 5.0,
        history: int = 1000,
        output_limit: int = 1 << 30,
        session_output_limit: int = 10 << 30,
        adopt: bool = False,
        resources: Mapping[str, float | str] | None = None,
        pause_on_failure: bool = False,
        engines: Iterable[Engine] = (),
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings = Settings(
            name,
            slots,
            grace,
            history,
            output_limit,
            session_output_limit,
            adopt,
            # A value of a wrong type is kept, so that the error names it.
            dict(resources)
            if isinstance(resources, Mapping)
            else cast("dict[str, float | str]", {} if resources is None else resources),
            pause_on_failure,
            clock,
        )
        settings.check()
        if directory == "":
            raise ValueError("directory must not be empty; give '.' for this folder")
        if adopt and directory is None:
            raise ValueError("adopt needs a directory, where the jobs are recorded")
        self._directory = None if directory is None else absolute(directory)
        if kinds is None:
            kinds = (BashKind(), SleepKind())
        self.dead_letters = DeadLetters()
        """Counts the messages of this system whose recipient was dead."""
        self._config = StartConfig(
            settings=settings,
            resources=checked_resources(settings.resources),
            kinds=kinds if isinstance(kinds, Kinds) else Kinds(kinds),
            engines=checked_engines(engines),
            dead_letters=self.dead_letters,
        )
        self._notes: ProcessNotes | None = None
        self.all_noted: Callable[[], bool] | None = None
        """Returns whether the keeper of this host has noted all jobs that ended since
        their program was killed; None if this is not a host with a keeper."""
        self._session_key = ""
        self._actors: Starting | None = None
        # Held during `start` and `stop`.
        self._lifecycle = threading.RLock()
        self._shutdown: Shutdown | None = None
        self._starts = False
        # Whether the start in progress was hurried, or aborted.
        self._hurried = False
        self._given_up = False
        self._releases: list[Callable[[], object]] = []
        self.warnings: tuple[str, ...] = ()
        """Warnings for people, about the state of the session as it was found and about
        the number of slots; set by `start` and `set_slots`."""
        self._advice: tuple[str, ...] = ()
        self.remembers = directory is not None
        self.resumed = ()
        self.slots = slots
        """The number of slots when the session was opened, which may have been stored
        with it; set by `start`. `set_slots` returns the current number."""
        self.problems: tuple[str, ...] = ()
        """Problems of the last `stop`, such as processes that couldn't be killed
        because they belong to another user; empty if there were none."""
        self.leftovers = ""
        """Names the jobs that a killed program left running, while `start` ends them;
        empty otherwise."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def queue(self) -> pykka.ActorRef[QueueActor]:
        """The QueueActor, which accepts every `QueueRequest`.

        Raises:
            RuntimeError: If the system is not started.
            TaskSystemError: If this process was forked after the start.
        """
        self._refuse_in_a_fork()
        queue = None if self._actors is None else self._actors.queue
        if queue is None:
            raise RuntimeError(NOT_STARTED)
        return queue

    def keep_with(self, store: Store) -> None:
        """Keep the terminals and input pipes of jobs open if this process dies.

        Must be called before `start`.

        Args:
            store: Holds the file descriptors for the next program.
        """
        self._config = replace(self._config, store=store)

    def __repr__(self) -> str:
        where = "" if self._directory is None else f" in {str(self._directory)!r}"
        state = "not started" if self._actors is None else "started"
        if self._shutdown is not None:
            state = "stopping"
        return f"<TaskSystem {self.name!r}{where}, {state}>"

    @property
    def name(self) -> str:
        """The name of the session."""
        return self._settings.name

    @property
    def directory(self) -> Path | None:
        """The absolute path of the session's directory; None if nothing is kept."""
        return self._directory

    @property
    def scheduler(self) -> Scheduler | None:
        """The scheduler of its actors, for other actors that share their threads."""
        return None if self._actors is None else self._actors.dispatcher

    @property
    def session_key(self) -> str:
        """The part of its processes' mark that is unique to this session."""
        return self._session_key

    @property
    def kinds(self) -> Kinds:
        """The kinds of tasks this system runs."""
        return self._config.kinds

    def is_own_thread(self) -> bool:
        """Return whether the caller runs in a turn of one of its actors.

        Blocking methods raise `RuntimeError` there. A subscriber that is not an actor
        is called in such a turn.
        """
        scheduler = None if self._actors is None else self._actors.dispatcher
        return scheduler is not None and scheduler.is_own_thread()

    def start(
        self, subscribers: Iterable[Recipient[Notification] | Subscribe] = ()
    ) -> None:
        """Start all actors; blocks until each of them has answered.

        Args:
            subscribers: Recipients or `Subscribe` messages. They are subscribed first,
                so they also receive the changes that the start makes, such as the
                failure of a task that was running when the program died.

        Raises:
            SessionInUseError: If the session is open already; a `TaskSystemError`.
            TaskSystemError: If the directory can't be used, an actor doesn't answer, or
                `stop` was called concurrently; nothing is left running. Also if this
                process was forked after the system was started.
            RuntimeError: If the system is started already.
            TypeError: If `subscribers` is not iterable.
        """
        self._refuse_in_a_fork()
        subscribers = listed(subscribers)
        with self._lifecycle:
            if self._actors is not None or self._shutdown is not None:
                raise RuntimeError("the task system is started already")
            self._owner = os.getpid()
            self._hurried = self._given_up = False
            self.problems = ()
            self._starts = True
            # All threads are daemons: without this, jobs would outlive the process.
            atexit.register(self.stop)
            self._releases.append(lambda: atexit.unregister(self.stop))
            try:
                limits.require()
                self._start_actors(self._open_session(), subscribers)
            except (FolderError, JournalError, RefusedError, TimeoutError) as error:
                self._undo_start()
                in_use = isinstance(error, InUseError)
                failure = SessionInUseError if in_use else TaskSystemError
                raise failure(str(error)) from error
            except (OSError, RuntimeError, MemoryError) as error:
                self._undo_start()
                if (lacking := shortage_of(error)) is None:
                    raise
                raise TaskSystemError(f"can't start: {lacking}") from error
            except BaseException:
                self._undo_start()
                raise
            finally:
                self._starts = False

    def _undo_start(self) -> None:
        self._shut_down(
            "the session did not start", Deadline(self._settings.grace + 2.0)
        )

    def _open_session(self) -> Opened:
        opening = Opening(
            self._releases,
            self._config.kinds,
            self._settings.grace,
            adopts=self._settings.adopt,
            hurried=lambda: self._hurried,
            found=self._set_leftovers,
            all_noted=self.all_noted,
        )
        if self._directory is None:
            opened = opening.open_temporary()
        else:
            opened = opening.open(self._directory)
        self.resumed, self.warnings = opened.resumed, opened.warnings
        self.slots = opened.memory.rules.slots or self._settings.slots
        self._notes = opened.notes
        self._session_key = opened.memory.session_key
        return opened

    def hold_starts(self) -> None:
        """Start no more jobs; block until all started ones are recorded.

        Used by a host that another one is about to replace.
        """
        if self._notes is not None:
            self._notes.hold_starts(_START_TIMEOUT)

    def let_start(self) -> None:
        """Allow job starts again after `hold_starts`."""
        if self._notes is not None:
            self._notes.let_start()

    def _set_leftovers(self, leftovers: str) -> None:
        self.leftovers = leftovers

    def _start_actors(
        self, opened: Opened, subscribers: Iterable[Recipient[Notification] | Subscribe]
    ) -> None:
        self._actors = Starting(self._config, self._releases)
        self._actors.run(opened, subscribers)
        self.warnings += self.kinds.problems
        self._advise(self.slots)
        if self._given_up:
            raise TaskSystemError("it was stopped before it had started")

    def _advise(self, slots: int) -> None:
        """Replace the warnings about an earlier number of slots."""
        earlier, self._advice = self._advice, limits.advice(slots)
        warnings = [it for it in self.warnings if it not in earlier]
        self.warnings = (*warnings, *self._advice)

    def set_slots(
        self, slots: int | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> int:
        """See `Control.set_slots`; also updates `warnings`."""
        now = super().set_slots(slots, answer_timeout=answer_timeout)
        if slots is not None:
            self._advise(now)
        return now

    def stop(
        self, reason: str = "the session ended", timeout: float | None = None
    ) -> None:
        """End all tasks and stop all actors, in order, within one deadline.

        Running tasks and background processes of finished tasks get the grace period.
        Queued tasks are kept if the session has a directory; otherwise they are
        canceled. Subscribers that show changes to a person have up to two seconds to
        acknowledge the last ones. Does nothing if the system is not started, or if
        this process was forked after the start.

        Runs automatically at a normal exit of the process (`atexit`). Ctrl+C ends the
        grace period, and its `KeyboardInterrupt` is raised after the stop. A concurrent
        `start` or `stop` on another thread is waited for. A call by a signal handler
        during a `start` on the same thread makes the `start` fail.

        Args:
            reason: The reason of the tasks that are ended by this.
            timeout: Seconds after which running tasks are killed; by default the grace
                period and two seconds. The call blocks about that long plus a second
                or two; longer, but not forever, if a process can't be killed or an
                actor is stuck.

        Raises:
            RuntimeError: If called on a thread of its actors; nothing is stopped.
            TypeError: If `reason` or `timeout` has a wrong type; nothing is stopped.
            ValueError: If `timeout` is nan; nothing is stopped.
        """
        check_reason(reason)
        deadline = Deadline(self._settings.grace + 2.0 if timeout is None else timeout)
        if self._is_forked():
            return
        self._refuse_to_wait("stop")
        if not self._take_lifecycle(deadline):
            return
        try:
            # A signal handler may call this during a start or stop on this thread.
            if self._starts:
                self._given_up = True
            elif self._shutdown is None and self._owner is not None:
                self._shut_down(reason, deadline)
        finally:
            self._lifecycle.release()

    def end(self, reason: str = "the session ended") -> None:
        """End the session: the same as `stop`, since it runs in this process."""
        self.stop(reason)

    def hurry(self) -> bool:
        """End the grace period of a `start` or `stop` that another thread executes.

        A `stop` ends tasks; a `start` ends jobs that a killed program left running.
        Never blocks.

        Returns:
            Whether a `start` or `stop` is in progress; otherwise nothing happens.
        """
        if self._is_forked():
            return False
        # Read first: a start that begins concurrently resets `_hurried`.
        starts, shutdown = self._starts, self._shutdown
        self._hurried = True
        if shutdown is not None:
            shutdown.hurry()
        return starts or shutdown is not None

    def _take_lifecycle(self, deadline: Deadline) -> bool:
        """Wait until no other thread starts or stops the system.

        Returns:
            Whether the lock was acquired; false after a timeout.
        """
        try:
            if self._lifecycle.acquire(timeout=deadline.left()):
                return True
        except BaseException:
            self.hurry()
            if self._lifecycle.acquire(timeout=STOP_TIMEOUT):
                self._lifecycle.release()
            raise
        self.hurry()
        return self._lifecycle.acquire(timeout=STOP_TIMEOUT)

    def _shut_down(self, reason: str, deadline: Deadline) -> None:
        config = ShutdownConfig(
            reason=reason,
            remembered=self._directory is not None,
            grace=self._settings.grace,
            session_key=self._session_key,
            dead_letters=self.dead_letters,
        )
        actors = self._actors
        releases, self._releases = self._releases, []
        queue, runner = (actors.queue, actors.runner) if actors else (None, None)
        self._shutdown = Shutdown(config, queue, runner, deadline)
        try:
            self.problems = self._shutdown.run(reversed(releases))
        finally:
            # Until here requests are answered, but new tasks are refused.
            self._actors = self._shutdown = None
            self._owner = None
