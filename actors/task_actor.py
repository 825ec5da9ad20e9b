"""The TaskActor: one job, from its start to its one last message."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, assert_never

import msgspec

from .job import calls
from .job.input import AwaitedInput, pass_on, refusal
from .job.news import JobNews
from .job.start import adopt, start
from .kinds import BashKind, InvalidRequestError, JobContext, ShortageError, StartError
from .kinds.engine import Engine, JobNote, NotingJob
from .kinds.kind import Pausable, TellsPause, WrongKindError
from .kinds.process import ProcessKind
from .messages import (
    Begin,
    JobEnded,
    JobQuiet,
    Look,
    QueueMessage,
    QueueReply,
    ResizeTerminal,
    RunnerMessage,
    SendInput,
    SetPaused,
    Stop,
    TaskActorMessage,
    TaskProcess,
    TaskProgressed,
    TaskWaits,
)
from .processes import marks
from .processes.channels import Channels
from .processes.ending import SECONDS
from .processes.environment import Environment
from .processes.exit_notes import ExitNotes
from .processes.notes import JobNotes
from .rules.durations import short_duration
from .rules.outcome import BEYOND_LIMIT, TIMED_OUT, Outcome
from .rules.process_record import ProcessId, ProcessRecord
from .rules.record import Record
from .rules.safe_text import brief, safe_line, size_text
from .rules.shortage import WAITS_FOR
from .rules.terms import DEFAULT_GROUP
from .runtime.countdown import Countdown
from .runtime.safe_actor import SafeActor
from .runtime.sending import DeadLetters, Recipient, logger, post_if_alive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .kinds import Job, JobEnd, Kind
    from .processes.exits import ExitWatcher
    from .processes.notes import ProcessNotes
    from .rules.adoption import Adoption
    from .rules.task import Task
    from .runtime.clock import Alarm, Clock
    from .runtime.dispatcher import Dispatcher

FIRST_PAUSE: Final = 0.25
"""Seconds before the first retry of a start that failed for lack of resources."""

LONGEST_PAUSE: Final = 2.0
"""Maximum seconds between retries; the pause doubles with each one."""

_CAN_NOT_PAUSE: Final = (
    "it has can_pause, but its job has no pause and resume; the job keeps running"
)

_LOOK: Final = Look()
_NOTHING_TO_SAY: Final = JobNote()


class TaskActorConfig(Record, frozen=True):
    """The settings that all task actors of a system share.

    Attributes:
        clock: The source of time.
        exits: Calls back when a process has exited.
        dead_letters: Counts messages to dead recipients.
        session_key: Unique to the session; part of the mark of its processes.
        grace: Seconds between SIGTERM and SIGKILL.
        output_limit: Bytes of output; exceeding it fails the task.
        environment: The environment of tasks that were added without one.
        dispatcher: Schedules the actors' turns; without one each actor has a thread.
        notes: Records the process of each job; None to record nothing.
        exit_notes: The exit statuses that wrappers and the keeper have recorded.
        engines: Where jobs run besides this machine, by name.
        channels: Opens the terminals and input pipes of jobs.
    """

    clock: Clock
    exits: ExitWatcher
    dead_letters: DeadLetters
    session_key: str
    grace: float
    output_limit: int
    environment: Environment = msgspec.field(default_factory=Environment.to_inherit)
    dispatcher: Dispatcher | None = None
    notes: ProcessNotes | None = None
    exit_notes: ExitNotes = msgspec.field(default_factory=ExitNotes)
    engines: Mapping[str, Engine] = msgspec.field(default_factory=dict[str, "Engine"])
    channels: Channels = msgspec.field(default_factory=Channels)


class TaskActor(SafeActor[TaskActorMessage]):
    """Runs one job and reports its end to the runner, exactly once.

    It starts the job in its first turn. In: see `TaskActorMessage`. Out:
    `TaskProcess`, `TaskWaits`, `TaskProgressed` and `TaskAwaitsInput` to the queue,
    `JobQuiet` and one `JobEnded` to the runner.

    Args:
        task: The task, Running.
        kind: The kind that starts the job.
        queue: Receives progress while the job runs.
        runner: Receives the end.
        config: The settings that all task actors share.
        environment: The environment of its processes; by default that of the config.
        adoption: The running job to take over, if a killed program has started it.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        task: Task,
        kind: Kind,
        queue: Recipient[QueueMessage],
        runner: Recipient[RunnerMessage],
        config: TaskActorConfig,
        *,
        environment: Environment | None = None,
        adoption: Adoption | None = None,
    ) -> None:
        super().__init__(config.dead_letters, config.dispatcher)
        self._task = task
        self._adoption = adoption
        self._kind = kind
        self._queue = queue
        self._runner = runner
        self._config = config
        group = DEFAULT_GROUP if task.terms is None else task.terms.group
        environment = environment or config.environment
        self._environment = environment.in_slot(group, task.slot or 0)
        self._news = JobNews(task, kind)
        takes_input = task.terms is not None and task.terms.input is not None
        self._awaited_input = AwaitedInput(task) if takes_input else None
        self._mark = marks.mark(config.session_key, task.id)
        self._job: Job | None = None
        self._marked = False
        self._recorded = False
        self._begun = 0.0
        self._imposed: Outcome | None = None
        self._grace: Alarm | None = None
        self._note = _NOTHING_TO_SAY
        self._noting: NotingJob | None = None
        self._has_begun = False
        self._pause = FIRST_PAUSE
        self._retry: Alarm | None = None
        self._timeout: Countdown | None = None
        self._paused = task.is_paused
        self._halted: TellsPause | None = None  # the job, once it was paused or resumed
        self._killed_at: float | None = None
        self._broken = False
        self._reported = False
        self._stopped = False

    def on_start(self) -> None:
        """Start the job."""
        self.on_receive(Begin())

    def handle(self, message: TaskActorMessage) -> None:
        """Handle one message; messages after the last report are ignored."""
        if self._reported:
            if isinstance(message, SendInput | ResizeTerminal):
                self._answer(message, refusal(message, "it has ended"))
            return
        match message:
            case Begin():
                if self._job is None and not self._awaits_resume:
                    self._begin()
            case Look():
                self._look()
            case Stop(outcome=outcome, now=now):
                self._stop_job(outcome, now=now)
            case SendInput() | ResizeTerminal():
                self._answer(message, pass_on(self._job, message))
            case SetPaused(paused=paused):
                self._set_paused(paused=paused)
            case _:
                assert_never(message)

    def on_error(self, message: TaskActorMessage, error: BaseException) -> None:
        """Fail the task, and kill its job."""
        del message
        if self._reported:
            return
        known = isinstance(error, WrongKindError)
        text = str(error) if known else f"internal error: {error!r}"
        self._imposed = Outcome.failed(safe_line(text))
        job = self._job
        if job is not None and not self._broken:
            self._broken, self._killed_at = True, None
            if self._try(lambda: self._kill(job)):
                return
        self._abandon(self._imposed)

    def on_stop(self) -> None:
        """Kill the job if the actor is stopped from outside."""
        if self._reported:
            return
        self._stopped = True
        self._imposed = self._imposed or Outcome.canceled("its actor was stopped")
        self._abandon(self._imposed)

    def _answer(self, message: SendInput | ResizeTerminal, answer: QueueReply) -> None:
        if message.reply_to is not None:
            self.post(message.reply_to, answer)

    def _begin(self) -> None:
        adoption, now = self._adoption, self._config.clock.now().wall
        self._begun = now.timestamp()
        try:
            context = self._context()
            own = type(self._kind) is BashKind and context.engine is None
            if own and adoption is None:
                self.about_to_start()
            else:
                self.about_to_block()
            if adoption is not None:
                self._imposed = adoption.stops_with
                job = adopt(self._kind, context, adoption, self._config.exit_notes)
            else:
                if not self._marked:
                    self._marked = True
                    self._news.mark_attempt(now)
                job = start(self._kind, context)
        except (ShortageError, MemoryError) as error:
            self._try_again(str(error) or WAITS_FOR[errno.ENOMEM])
        except (StartError, InvalidRequestError) as error:
            outcome = self._imposed or Outcome.failed(safe_line(str(error)))
            self._report(outcome, abandoned=isinstance(error, WrongKindError))
        else:
            self._job = job
            if adoption is None:
                self._started(job)
            else:
                self._adopted(job)

    def _context(self) -> JobContext:
        config, engine = self._config, None
        if self._task.terms is not None and (name := self._task.terms.engine):
            engine = config.engines.get(name)
            if engine is None:
                # Only when adopting: the queue starts no task without its engine.
                text = f"engine {brief(name)!r}, which runs it, is not here any more"
                raise StartError(text)
        return JobContext(
            task=self._task,
            mark=self._mark,
            clock=config.clock,
            exits=config.exits,
            look=self._ask_to_look,
            environment=self._environment,
            notes=JobNotes(config.notes, self._task.id),
            engine=engine,
            channels=config.channels,
        )

    def _started(self, job: Job) -> None:
        if isinstance(job, NotingJob):
            self._noting = job
            self._look()
        else:
            self._tell(_NOTHING_TO_SAY)
            self._limit_time()

    def _adopted(self, job: Job) -> None:
        if isinstance(job, NotingJob):
            self._noting = job
            self._has_begun = job.note().waits is None
        if self._task.started_at is not None:
            self._begun = self._task.started_at.timestamp()
        if self._imposed is not None:
            # Before the first look, which would leave its background processes alone.
            self._ask_to_stop(job, self._imposed)
        else:
            if self._noting is None or self._has_begun:
                self._limit_time(self._task.duration or 0.0)
            if self._paused or self._task.paused_for:
                # The program may have been killed before it paused or resumed the job.
                self._pause_job(job)
        self._look()

    def _limit_time(self, passed: float = 0.0) -> None:
        timeout = None if self._task.terms is None else self._task.terms.timeout
        if timeout is not None:
            reason = f"{TIMED_OUT}{short_duration(timeout)}"
            stop = Stop(Outcome.failed(reason))
            self._timeout = Countdown(
                self._config.clock, timeout - passed, lambda: self.tell_self(stop)
            )
            if not self._paused:
                self._timeout.go_on()

    @property
    def _awaits_resume(self) -> bool:
        """Whether the task was paused before its job could be started."""
        return self._paused and self._adoption is None

    def _set_paused(self, *, paused: bool) -> None:
        if self._imposed is not None or paused is self._paused:
            return
        self._paused = paused
        if self._job is not None:
            self._pause_job(self._job)
        elif not paused:
            if self._retry is not None:
                self._retry.cancel()
            self._note = JobNote()  # so that a wait is reported again
            self._begin()

    def _pause_job(self, job: Job) -> None:
        """Pause or resume the job and its timeout."""
        if not isinstance(job, Pausable):
            text = f"the kind {self._kind.name!r} is at fault: {_CAN_NOT_PAUSE}"
            self._tell(JobNote(safe_line(text) if self._paused else None))
            return
        # Searches for all processes of the job.
        self.about_to_block()
        calls.call(self._kind, job, "pause" if self._paused else "resume")
        if self._timeout is not None:
            (self._timeout.pause if self._paused else self._timeout.go_on)()
        if isinstance(job, TellsPause):
            self._halted = job
            self._tell_of_pause(job)

    def _tell_of_pause(self, job: TellsPause) -> None:
        """Report processes of the job that couldn't be paused or resumed."""
        if self._imposed is None:
            problem = job.pause_problem
            self._tell(JobNote(problem and safe_line(problem), self._note.node))

    def _try_again(self, waits_for: str) -> None:
        self._tell(JobNote(safe_line(f"waiting for {waits_for}")))
        self._retry = self._config.clock.call_later(
            self._pause, lambda: self.tell_self(Begin())
        )
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _tell(self, note: JobNote) -> None:
        if note != self._note:
            self._note = note
            self.post(self._queue, TaskWaits(self._task.id, note.waits, note.node))

    def _take_note(self, job: NotingJob) -> None:
        """Report why the job waits, or on which node it runs; start its timeout."""
        note = job.note()
        if note.waits is None and not self._has_begun:
            self._has_begun = True
            self._begun = self._config.clock.now().wall.timestamp()
            self._limit_time()
        if note != self._note and self._imposed is None:
            self._tell(JobNote(note.waits and safe_line(note.waits), note.node))

    def _look(self) -> None:
        if self._job is None:
            return
        if self._noting is not None:
            # First, since a short job may have begun and ended since the last look.
            self._take_note(self._noting)
        end = calls.look(self._kind, self._job)
        if end is not None:
            self._finish(self._job, end)
            return
        if self._outlived_its_kill():
            return
        if self._halted is not None:
            # The problem becomes known after some rounds of signals.
            self._tell_of_pause(self._halted)
        self._record_process(self._job)
        news, was_quiet = self._news, self._news.is_quiet
        changed = news.look(self._job)
        if news.latest.size > self._config.output_limit:
            limit = size_text(self._config.output_limit)
            reason = f"its {BEYOND_LIMIT}{limit}"
            self._stop_job(Outcome.failed(reason), now=True)
        elif changed:
            self.post(self._queue, TaskProgressed(self._task.id, news.latest))
        if self._awaited_input is not None:
            now = self._config.clock.now().monotonic
            for it in self._awaited_input.look(self._job, now, news=changed):
                self.post(self._queue, it)
        if news.is_quiet is not was_quiet:
            self.post(self._runner, JobQuiet(self._task.id, news.is_quiet))

    def _record_process(self, job: Job) -> None:
        # Not at the start: a job that ends before the first look isn't worth a write,
        # and the mark identifies its processes.
        if self._recorded:
            return
        self._recorded = True
        pid = calls.pid(self._kind, job)
        if pid is not None:
            record = ProcessRecord(self._task.id, pid, self._begun)
            self.post(self._queue, TaskProcess(record))

    def _stop_job(self, imposed: Outcome, *, now: bool) -> None:
        job = self._job
        if job is None:
            self._report(imposed)
            return
        if self._imposed is None:
            # A job that has already ended by itself keeps its outcome.
            end = calls.look(self._kind, job)
            if end is not None:
                self._finish(job, end)
                return
            self._imposed = imposed
        elif not now:
            return
        # Searches for all processes of the job.
        self.about_to_block()
        if now:
            self._kill(job)
            return
        self._ask_to_stop(job, imposed)

    def _ask_to_stop(self, job: Job, imposed: Outcome) -> None:
        calls.call(self._kind, job, "stop")
        kill = Stop(imposed, now=True)
        self._grace = self._config.clock.call_later(
            self._config.grace, lambda: self.tell_self(kill)
        )

    def _kill(self, job: Job) -> None:
        # Killing may take several rounds; a second call would restart them.
        if self._killed_at is not None:
            return
        self._killed_at = self._config.clock.now().monotonic
        if not isinstance(self._kind, ProcessKind):  # its kill rounds have a limit
            if self._grace is not None:
                self._grace.cancel()
            self._grace = self._config.clock.call_later(SECONDS, self._ask_to_look)
        calls.call(self._kind, job, "kill")

    def _outlived_its_kill(self) -> bool:
        """Report a job that has not ended within some time after `kill`."""
        killed_at, imposed = self._killed_at, self._imposed
        if killed_at is None or imposed is None or isinstance(self._kind, ProcessKind):
            return False
        if self._config.clock.now().monotonic - killed_at < SECONDS:
            return False
        what = f"its job within {SECONDS:g} s"
        fault = WrongKindError(self._kind.name, "kill", what, "it must", "did not end")
        error = f"could not be ended: {fault}"
        self._report(msgspec.structs.replace(imposed, error=error), abandoned=True)
        return True

    def _finish(self, job: Job, end: JobEnd) -> None:
        # A failure to read the last output must not prevent the report of the end.
        self._try(lambda: self._news.look(job, last=True))
        outcome = self._imposed or end.outcome
        if self._imposed is not None:
            outcome = msgspec.structs.replace(
                outcome,
                exit_code=end.outcome.exit_code,
                error=end.leftover or outcome.error,
                figures=end.outcome.figures,
            )
        self._report(outcome, left=end.left)

    def _report(
        self,
        outcome: Outcome,
        *,
        abandoned: bool = False,
        left: tuple[ProcessId, ...] = (),
    ) -> None:
        self._reported = True
        # The job refers to this actor: a reference cycle per job would be costly for
        # the garbage collector.
        self._job = self._noting = None
        for alarm in filter(None, (self._grace, self._retry)):
            alarm.cancel()
        if self._timeout is not None:
            self._timeout.pause()
        outcome, news = self._news.with_cut(outcome), self._news.at_end()
        end = JobEnded(self._task.id, outcome, news, self._stopped, abandoned, left)
        if self._stopped:
            # The runner may have been stopped too; then it has reported the end.
            post_if_alive(self._runner, end)
        else:
            self.post(self._runner, end)
        self.stop_self()

    def _abandon(self, outcome: Outcome) -> None:
        """Kill the job, and let the runner end its remaining processes."""
        job = self._job
        if job is not None:
            self.about_to_block()
            self._try(lambda: calls.call(self._kind, job, "kill"))
            self._try(lambda: self._look_for_the_last_time(job))
        if not self._reported:
            # A start that failed halfway may have left processes too.
            self._report(outcome, abandoned=True)

    def _look_for_the_last_time(self, job: Job) -> None:
        end = calls.look(self._kind, job)
        if end is not None:
            self._finish(job, end)
        else:
            self._news.look(job, last=True)

    def _try(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except BaseException:  # noqa: BLE001 - an embedder's kind may raise anything
            logger.exception("Task %d could not be ended properly", self._task.id)
            return False
        return True

    def _ask_to_look(self) -> bool:
        return self.tell_self(_LOOK)
