"""The TaskSystem: starts and stops the actors in order; what an embedder holds."""

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
from .session.names import absolute
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
"""Seconds in which a start that is under way is written down, on a busy machine."""


class TaskSystem(Requests):
    """The actors of one session, wired, started and stopped together.

    Several can live in one process. Nothing here touches signals, logging set-up,
    standard streams or actors other than its own.

    A `with` block starts it and stops it. Its methods may be called on any thread but
    those of its own actors. Those that ask the actors raise `RuntimeError` if it is not
    started, and `TaskSystemError` if somebody else has stopped its actors. A process
    that is forked meanwhile leaves it to its parent: there `stop`, the end of the
    `with` block and `hurry` do nothing, and requests raise `TaskSystemError`.

    While it stops its requests are answered, and those that would add a task refused
    (`RefusalCode.CLOSING`).

    Args:
        directory: The folder of the session: its journal, and its output files in
            `output/`. Made if it is missing. What is in it is remembered: queued tasks
            run when it is opened again. A relative path is taken from here, even
            if the working folder changes later. With none, nothing is remembered, and
            the output is in a temporary folder that is deleted on `stop`.
        name: What the session is called: letters, digits, `.`, `_` and `-`.
        slots: How many tasks run at a time; at least 1.
        kinds: The kinds of tasks, each with a name of its own; by default `bash` and
            `sleep`.
        grace: Seconds between asking a task to end and killing it.
        history: How many finished tasks are remembered; the oldest are forgotten.
        output_limit: Bytes of output beyond which a task is ended as failed.
        session_output_limit: Bytes of output of all tasks together; beyond it the
            oldest finished ones are forgotten, and then the one that writes is ended.
        adopt: Whether jobs that a killed program left running go on, and their tasks
            with them. By default they are ended when the session is opened, and the
            tasks have failed.
        pause_on_failure: Whether a group starts no more tasks when one of them fails,
            until it is resumed. `set_group` says so for one group.
        resources: What tasks may need while they run, by names of your choice, and how
            much there is: `{"gpu": 2, "memory": "16G"}`. K, M, G and T in a text are
            1024, 1024 times that, and so on. Nothing is measured or enforced: as much
            is taken as `Terms.needs` says.
        engines: Where tasks may run besides this machine, each with a name of its own;
            `Terms.engine` of a request chooses one. Closed by `stop`.
        clock: The time of its actors and jobs; by default the real one. A test gives a
            `ManualClock`. What blocks the caller, such as `wait` and `stop`, is
            measured in real time all the same.

    Raises:
        TypeError: If an argument, or one of the kinds, is of a wrong type.
        ValueError: If an argument makes no sense.
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
            # A value of a wrong type is passed on, so that the error names it.
            dict(resources)
            if isinstance(resources, Mapping)
            else cast("dict[str, float | str]", resources or {}),
            pause_on_failure,
            clock,
        )
        settings.check()
        if directory == "":
            raise ValueError("directory must not be empty; give '.' for this folder")
        if adopt and directory is None:
            raise ValueError("adopt needs a directory, in which the jobs are found")
        self._directory = None if directory is None else absolute(directory)
        if kinds is None:
            kinds = (BashKind(), SleepKind())
        self.dead_letters = DeadLetters()
        """Counts the messages of this system that reached nobody."""
        self._config = StartConfig(
            settings=settings,
            resources=checked_resources(settings.resources),
            kinds=kinds if isinstance(kinds, Kinds) else Kinds(kinds),
            engines=checked_engines(engines),
            dead_letters=self.dead_letters,
        )
        self._notes: ProcessNotes | None = None
        self.all_noted: Callable[[], bool] | None = None
        """Tells whether all jobs that have ended since their program was killed were
        noted by the keeper of this host; None if this is not a host with a keeper."""
        self._session_key = ""
        self._actors: Starting | None = None
        # Held while it starts, and while it stops.
        self._lifecycle = threading.RLock()
        self._shutdown: Shutdown | None = None
        self._starts = False
        # Whether the start that is under way was hurried, or given up.
        self._hurried = False
        self._given_up = False
        self._releases: list[Callable[[], object]] = []
        self.warnings: tuple[str, ...] = ()
        """What a person should know of how the session was found, and of how many tasks
        run at a time; set by `start` and `set_slots`."""
        self._advice: tuple[str, ...] = ()
        self.remembers = directory is not None
        self.resumed = ()
        self.slots = slots
        """How many tasks ran at a time when the session was opened, as it remembers;
        set by `start`. `set_slots` tells how many do now."""
        self.problems: tuple[str, ...] = ()
        """What went wrong in the last `stop` of a started system, such as processes
        that live on because they belong to another user; empty if all is well."""
        self.leftovers = ""
        """What a killed program left running, while `start` ends it; empty if none."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def queue(self) -> pykka.ActorRef[QueueActor]:
        """The QueueActor, which takes every `QueueRequest`.

        Raises:
            RuntimeError: If the system is not started.
            TaskSystemError: If it was started before this process was forked.
        """
        self._refuse_in_a_fork()
        queue = None if self._actors is None else self._actors.queue
        if queue is None:
            raise RuntimeError(NOT_STARTED)
        return queue

    def keep_with(self, store: Store) -> None:
        """Keep the terminals and inputs of jobs if this process dies, as the jobs are.

        Must be called before `start`.

        Args:
            store: Keeps descriptors for the next program.
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
        """What the session is called."""
        return self._settings.name

    @property
    def directory(self) -> Path | None:
        """The folder of the session, absolute; None if nothing is remembered."""
        return self._directory

    @property
    def scheduler(self) -> Scheduler | None:
        """What gives its actors their turns, for others that live with them."""
        return None if self._actors is None else self._actors.dispatcher

    @property
    def session_key(self) -> str:
        """The part of the mark of its processes that is like no other session's."""
        return self._session_key

    @property
    def kinds(self) -> Kinds:
        """The kinds of tasks this system runs."""
        return self._config.kinds

    def is_own_thread(self) -> bool:
        """Tell whether the caller runs in a turn of one of its actors.

        The methods that block raise `RuntimeError` there. A subscriber that is not an
        actor is told in such a turn.
        """
        scheduler = None if self._actors is None else self._actors.dispatcher
        return scheduler is not None and scheduler.is_own_thread()

    def start(
        self, subscribers: Iterable[Recipient[Notification] | Subscribe] = ()
    ) -> None:
        """Start all actors; blocks until each of them has answered.

        Args:
            subscribers: Subscribed before anything happens, so that they are told also
                what the start itself does, such as that a task which ran when the
                program died has failed. As recipients, or as `Subscribe` messages.

        Raises:
            SessionInUseError: If the session is open already; it is a
                `TaskSystemError`.
            TaskSystemError: If the folder can't be used, an actor does not answer, or
                it was stopped meanwhile; nothing is left running. Also if it was
                started before this process was forked.
            RuntimeError: If it is started already.
        """
        self._refuse_in_a_fork()
        with self._lifecycle:
            if self._actors is not None or self._shutdown is not None:
                raise RuntimeError("the task system is started already")
            self._owner = os.getpid()
            self._hurried = self._given_up = False
            self.problems = ()
            self._starts = True
            # All threads here are daemons: a host that just ends would leave its jobs.
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
        """Start no more jobs; block until it is written down which were started.

        For a host that makes room for another one.
        """
        if self._notes is not None:
            self._notes.hold_starts(_START_TIMEOUT)

    def let_start(self) -> None:
        """Start jobs again after `hold_starts`."""
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
        """Do as `Control.set_slots` does; the warnings speak of the new number."""
        now = super().set_slots(slots, answer_timeout=answer_timeout)
        if slots is not None:
            self._advise(now)
        return now

    def stop(
        self, reason: str = "the session ended", timeout: float | None = None
    ) -> None:
        """End all tasks and stop all actors, in order, within one deadline.

        Running tasks get the grace period, and so does what finished tasks left
        running. Queued tasks stay for the next time if the session is remembered, and
        are canceled if not. Subscribers that show changes to a person have up to two
        seconds to say that they have shown the last ones. Does nothing if the system
        is not started, or was started before this process was forked.

        Happens by itself when the process ends in an orderly way. Ctrl+C meanwhile cuts
        the grace period short, and its `KeyboardInterrupt` is raised in the end. If it
        is being started or stopped on another thread, this waits for that. Called by a
        signal handler in the midst of a `start`, it makes that fail.

        Args:
            reason: What becomes the reason of the tasks that this ends.
            timeout: Seconds after which what still runs is killed; the grace period
                and two seconds by default. Blocks about that long, and for what has to
                follow a second or two; longer, but not for ever, if a process can't be
                killed or an actor is stuck.

        Raises:
            RuntimeError: If this is called on a thread of its actors; nothing is
                stopped.
            ValueError: If `timeout` is not a number; nothing is stopped.
        """
        deadline = Deadline(self._settings.grace + 2.0 if timeout is None else timeout)
        if self._is_forked():
            return
        self._refuse_to_wait("stop")
        if not self._take_lifecycle(deadline):
            return
        try:
            # A signal handler may call this in the midst of either, on its thread.
            if self._starts:
                self._given_up = True
            elif self._shutdown is None and self._owner is not None:
                self._shut_down(reason, deadline)
        finally:
            self._lifecycle.release()

    def end(self, reason: str = "the session ended") -> None:
        """End the session: the same as `stop`, since it lives in this process."""
        self.stop(reason)

    def hurry(self) -> bool:
        """Cut short the grace period of a `start` or `stop` under way elsewhere.

        A `stop` ends tasks, and a `start` what a killed program left running. Never
        blocks.

        Returns:
            Whether one is under way; if none is, nothing happens.
        """
        if self._is_forked():
            return False
        # Looked at first: a start that begins just now forgets what came before it.
        starts, shutdown = self._starts, self._shutdown
        self._hurried = True
        if shutdown is not None:
            shutdown.hurry()
        return starts or shutdown is not None

    def _take_lifecycle(self, deadline: Deadline) -> bool:
        """Wait until it is neither started nor stopped on another thread.

        Returns:
            Whether that is so; false if it took too long.
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
            # Until here requests are answered, though what adds a task is refused.
            self._actors = self._shutdown = None
            self._owner = None
