"""The RunnerActor: slots, ticks, and one TaskActor per job."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from .job.input import refusal
from .kinds import InvalidRequestError
from .messages import (
    Begin,
    ClaimAgain,
    ClaimTasks,
    CleanUpTask,
    Drain,
    Drained,
    JobEnded,
    JobQuiet,
    Look,
    LookAtLeft,
    PauseJob,
    QueueMessage,
    ResizeTerminal,
    RunnerMessage,
    SendInput,
    SetPaused,
    StartTask,
    Stop,
    StopTask,
    TaskEnded,
    TaskLeftRunning,
    TickRunner,
)
from .processes import family, marks
from .processes.ending import INTERVAL, KillRounds
from .processes.environment import PreparedEnvironments
from .processes.left import LeftBehind
from .rules.adoption import Adoption, GoingOn
from .rules.look_schedule import LookSchedule
from .rules.outcome import Outcome
from .rules.record import Record
from .rules.safe_text import safe_line
from .rules.terms import PLAIN
from .runtime.safe_actor import SafeActor
from .runtime.sending import Recipient, post_if_alive
from .task_actor import TaskActor

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pykka

    from .job.config import TaskActorConfig
    from .kinds import Kinds
    from .processes.handle import Process
    from .rules.process_record import ProcessId
    from .rules.task import Task
    from .rules.variables import Variables
    from .runtime.clock import Alarm

TICK: Final = 0.1
"""Seconds between two ticks; there are none while no task runs."""

PAUSE: Final = 1.0
"""Seconds without a claim after a TaskActor was stopped from outside.

A program that stops all actors stops the runner next. Queued tasks should stay queued
then; a task started in between would be lost.
"""


class _CleanUp(Record, frozen=True):
    """A task whose TaskActor died; its end is reported after its processes ended."""

    end: TaskEnded
    stopped: bool
    ending: KillRounds


class RunnerActor(SafeActor[RunnerMessage]):
    """Runs as many tasks at a time as it has slots.

    In: see `RunnerMessage`.
    Out: to the queue a claim for every free slot and one `TaskEnded` for every
    started task; to its task actors `Look` and `Stop`.

    Args:
        queue: The queue that assigns tasks.
        kinds: The kinds of tasks.
        slots: How many tasks run at a time.
        config: The settings that all task actors share.
        going_on: The jobs found when the session was opened that keep running.
    """

    def __init__(
        self,
        queue: Recipient[QueueMessage],
        kinds: Kinds,
        slots: int,
        config: TaskActorConfig,
        going_on: GoingOn | None = None,
    ) -> None:
        super().__init__(config.dead_letters, config.dispatcher)
        self._queue = queue
        self._kinds = kinds
        self._slots = slots
        self._config = config
        self._environments = PreparedEnvironments(config.environment)
        self._active: dict[int, pykka.ActorRef[TaskActor]] = {}
        self._clean_ups: dict[int, _CleanUp] = {}
        self._background: dict[int, LeftBehind] = {}
        self._look_schedule = LookSchedule()
        self._tick_alarm: Alarm | None = None
        self._pause_in_ticks = 1
        self._draining: Drain | None = None
        self._given_up: dict[int, str] = {}  # errors by task, while it drains
        self._engines: dict[int, str] = {}  # by task, only of tasks that use one
        self._owed: Counter[str] = Counter()  # by engine
        self._claim_alarm: Alarm | None = None
        self._going_on = going_on or GoingOn()

    def handle(self, message: RunnerMessage) -> None:
        """Handle one message."""
        match message:
            case Begin():
                self._begin()
            case StartTask(task=task, environment=environment):
                self._start(task, environment)
            case StopTask(task_id=task_id, outcome=outcome, now=now):
                self._stop_task(task_id, outcome, now=now)
            case PauseJob(task_id=task_id, paused=paused):
                if (actor := self._active.get(task_id)) is not None:
                    post_if_alive(actor, SetPaused(paused))
            case JobEnded():
                self._job_ended(message)
            case JobQuiet(task_id=task_id, quiet=quiet):
                self._look_schedule.note(task_id, quiet=quiet)
                self._keep_ticking()
            case LookAtLeft(task_id=task_id):
                self._check_background(task_id)
            case ClaimAgain():
                self._claim_owed()
            case TickRunner():
                self._tick()
            case CleanUpTask(task_id=task_id):
                self._clean_up(task_id)
            case Drain():
                self._drain(message)
            case SendInput() | ResizeTerminal():
                self._pass_on(message)
            case _:
                assert_never(message)

    def on_error(self, message: RunnerMessage, error: BaseException) -> None:
        """Fail the task whose start raised, and keep ticking."""
        if isinstance(message, StartTask):
            outcome = Outcome.failed(safe_line(f"could not be started: {error!r}"))
            self._ended(TaskEnded(message.task.id, outcome, claims=1))
        elif isinstance(message, LookAtLeft):
            self._check_again(message.task_id)
        elif isinstance(message, CleanUpTask):
            self._end_clean_up(message.task_id)
        elif isinstance(message, TickRunner):
            self._keep_ticking()

    def on_stop(self) -> None:
        """Stop the task actors if the runner is stopped before it was drained.

        Does not wait: each TaskActor kills its job when it stops, and the TaskSystem
        kills any remaining processes.
        """
        for task_id in [*self._clean_ups]:
            self._end_clean_up(task_id)
        for task_id, actor in self._active.items():
            actor.stop(block=False)
            outcome = Outcome.failed("the runner was stopped while it ran")
            self.post(self._queue, TaskEnded(task_id, outcome))

    def _begin(self) -> None:
        """Take over adopted jobs, and claim tasks for the free slots."""
        going_on, self._going_on = self._going_on, GoingOn()
        engines = Counter((it.task.terms or PLAIN).engine for it in going_on.adopted)
        # Negative if there are more adopted jobs than slots.
        self._claim(self._slots - engines.pop("", 0))
        for engine, count in engines.items():
            self._claim(-count, engine)
        for adoption in going_on.adopted:
            task = adoption.task
            environment = going_on.environments.get(task.id)
            self._start(task, environment, None if adoption.begins else adoption)
        for task_id, left in going_on.left.items():
            self._watch_background(task_id, left)

    def _claim(self, count: int, engine: str = "") -> None:
        claim = ClaimTasks(self.actor_ref, count, self._slots, engine)
        self.post(self._queue, claim)

    def _start(
        self,
        task: Task,
        environment: Variables | None,
        adoption: Adoption | None = None,
    ) -> None:
        if self._draining is not None:
            outcome = Outcome.canceled(self._draining.reason)
            self.post(self._queue, TaskEnded(task.id, outcome))
            return
        try:
            kind = self._kinds.find(task.kind)
        except InvalidRequestError as error:
            # The session was opened with different kinds before.
            outcome = Outcome.failed(f"could not be started: {error}")
            self._ended(TaskEnded(task.id, outcome, claims=1))
            return
        actor = TaskActor.start(
            task,
            kind,
            self._queue,
            self.actor_ref,
            self._config,
            environment=self._environments.prepare(environment),
            adoption=adoption,
        )
        self._active[task.id] = actor
        if engine := (task.terms or PLAIN).engine:
            self._engines[task.id] = engine
        self._look_schedule.add(task.id)
        self._keep_ticking()

    def _stop_task(self, task_id: int, outcome: Outcome, *, now: bool) -> None:
        actor = self._active.get(task_id)
        if actor is not None:
            post_if_alive(actor, Stop(outcome, now=now))

    def _pass_on(self, message: SendInput | ResizeTerminal) -> None:
        actor = self._active.get(message.task_id)
        if actor is not None and post_if_alive(actor, message):
            return
        if message.reply_to is not None:
            self.post(message.reply_to, refusal(message, "it has ended"))

    def _job_ended(self, message: JobEnded) -> None:
        task_id = message.task_id
        # The end of an actor that was found dead is reported by its clean-up.
        if task_id not in self._active or task_id in self._clean_ups:
            return
        end = TaskEnded(task_id, message.outcome, message.news, claims=1)
        if message.abandoned:
            if self._draining is not None and message.outcome.error is not None:
                self._given_up[task_id] = message.outcome.error
            self._begin_clean_up(end, stopped=message.stopped)
        else:
            self._ended(end, stopped=message.stopped)
        if message.left:
            self._watch_background(task_id, message.left)

    def _watch_background(self, task_id: int, processes: tuple[ProcessId, ...]) -> None:
        mark = marks.mark(self._config.session_key, task_id)
        left = self._background[task_id] = LeftBehind(mark, processes)
        self._watch_exits(task_id, left.alive)

    def _watch_exits(self, task_id: int, processes: Iterable[Process]) -> None:
        for process in processes:
            with contextlib.suppress(OSError):
                self._config.exits.watch(
                    process.pid, lambda: self._check_again(task_id)
                )

    def _check_again(self, task_id: int) -> None:
        # Coalesces the exits of several processes.
        self._config.clock.call_later(TICK, lambda: self.tell_self(LookAtLeft(task_id)))

    def _check_background(self, task_id: int) -> None:
        left = self._background.get(task_id)
        if left is None:
            return
        self.about_to_block()
        self._watch_exits(task_id, left.look())
        self.post(self._queue, TaskLeftRunning(task_id, left.describe()))
        if not left.alive:
            del self._background[task_id]

    def _ended(self, end: TaskEnded, *, stopped: bool = False) -> None:
        self._active.pop(end.task_id, None)
        engine = self._engines.pop(end.task_id, "")
        self._look_schedule.remove(end.task_id)
        if stopped or self._draining is not None:
            end = replace(end, claims=0)
        self.post(self._queue, end)
        if self._draining is not None:
            self._answer_if_drained(self._draining)
        elif stopped:
            self._claim_later(engine)

    def _claim_later(self, engine: str) -> None:
        self._owed[engine] += 1
        if self._claim_alarm is not None:
            self._claim_alarm.cancel()
        self._claim_alarm = self._config.clock.call_later(
            PAUSE, lambda: self.tell_self(ClaimAgain())
        )

    def _claim_owed(self) -> None:
        owed, self._owed = self._owed, Counter()
        if self._draining is None:
            for engine, count in owed.items():
                self._claim(count, engine)

    def _tick(self) -> None:
        self._tick_alarm = None
        for task_id, actor in self._active.items():
            if not actor.is_alive() and task_id not in self._clean_ups:
                # Not handled at once: its last message may be in the mailbox.
                self.tell_self(CleanUpTask(task_id))
        for task_id in self._look_schedule.next_turns(self._pause_in_ticks):
            post_if_alive(self._active[task_id], Look())
        self._keep_ticking()

    def _keep_ticking(self) -> None:
        if not self._active:
            return
        pause = self._look_schedule.pause()
        if self._tick_alarm is not None:
            if pause >= self._pause_in_ticks:
                return
            self._tick_alarm.cancel()
        self._pause_in_ticks = pause
        self._tick_alarm = self._config.clock.call_later(
            TICK * pause, lambda: self.tell_self(TickRunner())
        )

    def _clean_up(self, task_id: int) -> None:
        if task_id not in self._active:
            return
        clean_up = self._clean_ups.get(task_id)
        if clean_up is None:
            died = Outcome.failed("its actor died")
            self._begin_clean_up(TaskEnded(task_id, died, claims=1), stopped=True)
        else:
            self._continue_clean_up(clean_up)

    def _begin_clean_up(self, end: TaskEnded, *, stopped: bool) -> None:
        mark = marks.mark(self._config.session_key, end.task_id)
        clean_up = _CleanUp(end, stopped, KillRounds(lambda: family.find_own(mark)))
        self._clean_ups[end.task_id] = clean_up
        self._continue_clean_up(clean_up)

    def _continue_clean_up(self, clean_up: _CleanUp) -> None:
        task_id = clean_up.end.task_id
        # Searches the process table.
        self.about_to_block()
        if clean_up.ending.next_round():
            self._config.clock.call_later(
                INTERVAL, lambda: self.tell_self(CleanUpTask(task_id))
            )
        else:
            self._end_clean_up(task_id)

    def _end_clean_up(self, task_id: int) -> None:
        clean_up = self._clean_ups.pop(task_id, None)
        if clean_up is None:
            return
        end, ending = clean_up.end, clean_up.ending
        if ending.is_exhausted and (left := ending.left()):
            outcome = replace(end.outcome, error=f"could not be ended: {left}")
            end = replace(end, outcome=outcome)
        self._ended(end, stopped=clean_up.stopped)

    def _drain(self, drain: Drain) -> None:
        before = self._draining
        if before is not None and drain.reply_to is None:
            # A second `Drain` that only hurries keeps the recipient of the first.
            drain = replace(drain, reply_to=before.reply_to)
        self._draining = drain
        for task_id in list(self._active):
            self._stop_task(task_id, Outcome.canceled(drain.reason), now=drain.now)
        self._answer_if_drained(drain)

    def _answer_if_drained(self, drain: Drain) -> None:
        if not self._active and drain.reply_to is not None:
            left = [it for left in self._background.values() for it in left.alive]
            given_up = sorted(self._given_up.items())
            texts = tuple(f"task {task_id}: {error}" for task_id, error in given_up)
            self.post(drain.reply_to, Drained(tuple(left), texts))
