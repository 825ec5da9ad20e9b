"""The TaskActor: one job, from its start to its one last message."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, assert_never

from .job import calls
from .job.ending import ForcedEnd
from .job.input import AwaitedInput, pass_on, refusal
from .job.news import JobNews
from .job.pausing import Pausing, not_pausable
from .job.start import adopt, engine_of, start
from .kinds import BashKind, InvalidRequestError, JobContext, ShortageError, StartError
from .kinds.engine import JobNote, NotingJob
from .kinds.kind import Pausable, WrongKindError
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
from .processes.notes import JobNotes, age_of
from .rules.outcome import BEYOND_LIMIT, Outcome
from .rules.process_record import ProcessId, ProcessRecord
from .rules.safe_text import safe_line, size_text
from .rules.shortage import WAITS_FOR
from .rules.terms import PLAIN
from .runtime.safe_actor import SafeActor
from .runtime.sending import Recipient, logger, post_if_alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from .job.config import TaskActorConfig
    from .kinds import Job, JobEnd, Kind
    from .processes.environment import Environment
    from .rules.adoption import Adoption
    from .rules.task import Task
    from .runtime.clock import Alarm

FIRST_PAUSE: Final = 0.25
"""Seconds before the first retry of a start that failed for lack of resources."""

LONGEST_PAUSE: Final = 2.0
"""Maximum seconds between retries; the pause doubles with each one."""

_LOOK: Final = Look()
_NOTHING_TO_SAY: Final = JobNote()


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
        terms = task.terms or PLAIN
        environment = environment or config.environment
        self._environment = environment.in_slot(terms.group, task.slot or 0)
        self._news = JobNews(task, kind)
        self._awaited_input = None if terms.input is None else AwaitedInput(task)
        self._mark = marks.mark(config.session_key, task.id)
        self._job: Job | None = None
        self._recorded = False
        self._begun = 0.0
        self._note = _NOTHING_TO_SAY
        self._noting: NotingJob | None = None
        self._has_begun = False
        self._pause = FIRST_PAUSE
        self._retry: Alarm | None = None
        self._pausing = Pausing(kind, is_paused=task.is_paused)
        self._end: ForcedEnd | None = None
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
                if self._job is None and not (
                    self._pausing.is_paused and self._adoption is None
                ):
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
        end, job = self._force_end(Outcome.failed(safe_line(text))), self._job
        if job is not None and not self._broken:
            self._broken = True
            if self._try(lambda: end.kill(job, self._ask_to_look)):
                return
        self._abandon(end.outcome)

    def on_stop(self) -> None:
        """Kill the job if the actor is stopped from outside."""
        if self._reported:
            return
        self._stopped = True
        end = self._end or self._force_end(Outcome.canceled("its actor was stopped"))
        self._abandon(end.outcome)

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
                if adoption.stops_with is not None:
                    self._force_end(adoption.stops_with)
                job = adopt(self._kind, context, adoption, self._config.exit_notes)
            else:
                self._news.mark_attempt(now)
                job = start(self._kind, context)
        except (ShortageError, MemoryError) as error:
            self._try_again(str(error) or WAITS_FOR[errno.ENOMEM])
        except (StartError, InvalidRequestError) as error:
            failed = Outcome.failed(safe_line(str(error)))
            outcome = failed if self._end is None else self._end.outcome
            self._report(outcome, abandoned=isinstance(error, WrongKindError))
        else:
            self._job = job
            if adoption is None:
                self._started(job)
            else:
                self._adopted(job, adoption)

    def _context(self) -> JobContext:
        config = self._config
        return JobContext(
            task=self._task,
            mark=self._mark,
            clock=config.clock,
            exits=config.exits,
            look=self._ask_to_look,
            about_to_block=self.about_to_block,
            environment=self._environment,
            notes=JobNotes(config.notes, self._task.id),
            engine=engine_of(self._task, config.engines),
            channels=config.channels,
        )

    def _started(self, job: Job) -> None:
        if isinstance(job, NotingJob):
            self._noting = job
            self._look()
        else:
            self._tell(_NOTHING_TO_SAY)
            self._limit_time()

    def _adopted(self, job: Job, adoption: Adoption) -> None:
        if isinstance(job, NotingJob):
            self._noting = job
            self._has_begun = job.note().waits is None
        if self._task.started_at is not None:
            self._begun = self._task.started_at.timestamp()
        if self._end is not None:
            # Before the first look, which would leave its background processes alone.
            self._ask_to_stop(job, self._end)
        else:
            if self._noting is None or self._has_begun:
                passed, process = self._task.duration or 0.0, adoption.process
                # Only of the current attempt.
                self._limit_time(min(passed, age_of(process)) if process else passed)
            if self._pausing.is_paused or self._task.paused_for:
                # The program may have been killed before it paused or resumed the job.
                self._pause_job(job)
        self._look()

    def _limit_time(self, passed: float = 0.0) -> None:
        if (timeout := (self._task.terms or PLAIN).timeout) is not None:
            self._pausing.limit_time(
                timeout, passed, self._config.clock, lambda it: self.tell_self(Stop(it))
            )

    def _set_paused(self, *, paused: bool) -> None:
        if self._end is not None or paused is self._pausing.is_paused:
            return
        self._pausing.is_paused = paused
        if self._job is not None:
            self._pause_job(self._job)
        elif not paused:
            if self._retry is not None:
                self._retry.cancel()
            self._note = JobNote()  # so that a wait is reported again
            self._begin()

    def _pause_job(self, job: Job) -> None:
        if isinstance(job, Pausable):
            # Searches for all processes of the job.
            self.about_to_block()
            self._pausing.apply(job)
            self._report_pause()
        else:
            fault = not_pausable(self._kind) if self._pausing.is_paused else None
            self._tell(JobNote(fault))

    def _report_pause(self) -> None:
        """Report processes of the job that couldn't be paused or resumed."""
        if self._pausing.has_reports and self._end is None:
            self._tell(JobNote(self._pausing.problem, self._note.node))

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
        if note != self._note and self._end is None:
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
        if self._end is not None and (outcome := self._end.given_up()) is not None:
            self._report(outcome, abandoned=True)
            return
        # Some processes may be found only after some rounds of signals.
        self._report_pause()
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

    def _stop_job(self, outcome: Outcome, *, now: bool) -> None:
        job = self._job
        if job is None:
            self._report(outcome)
            return
        forced = self._end
        if forced is None:
            # A job that has already ended by itself keeps its outcome.
            end = calls.look(self._kind, job)
            if end is not None:
                self._finish(job, end)
                return
            forced = self._force_end(outcome)
        elif not now:
            return
        # Searches for all processes of the job.
        self.about_to_block()
        if now:
            forced.kill(job, self._ask_to_look)
        else:
            self._ask_to_stop(job, forced)

    def _ask_to_stop(self, job: Job, end: ForcedEnd) -> None:
        kill = Stop(end.outcome, now=True)
        end.stop(job, self._config.grace, lambda: self.tell_self(kill))

    def _force_end(self, outcome: Outcome) -> ForcedEnd:
        if self._end is not None:
            self._end.cancel()
        self._end = ForcedEnd(outcome, self._kind, self._config.clock)
        return self._end

    def _finish(self, job: Job, end: JobEnd) -> None:
        # A failure to read the last output must not prevent the report of the end.
        self._try(lambda: self._news.look(job, last=True))
        outcome = end.outcome if self._end is None else self._end.outcome_with(end)
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
        for alarm in (self._end, self._retry, self._pausing):
            if alarm is not None:
                alarm.cancel()
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
