"""Starting the actors of a session, in order."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..job.config import TaskActorConfig
from ..journal.unshown import UnshownChanges
from ..kinds import Closable, Outliving
from ..messages import (
    Acknowledged,
    Begin,
    ListTasks,
    Notification,
    OpenQueue,
    QueueRequest,
    Subscribe,
    TaskList,
)
from ..processes.channels import Channels
from ..processes.environment import Environment
from ..processes.exits import PidfdWatcher
from ..processes.spare import SPARES
from ..queue.config import QueueConfig
from ..queue_actor import QueueActor
from ..rules.adoption import GoingOn
from ..rules.book import TaskBook
from ..rules.field_types import wrong_type
from ..rules.record import Record
from ..rules.schedules import ScheduleBook
from ..rules.status import TaskFilter
from ..rules.variables import Variables
from ..runner_actor import RunnerActor
from ..runtime.clock import Clock, SystemClock
from ..runtime.dispatcher import Dispatcher
from ..runtime.promise import answer_of
from .asking import ANSWER_TIMEOUT, ReplyT, ask
from .names import check_values, working_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pykka

    from ..kinds import Engine, Kinds
    from ..processes.channels import Store
    from ..runtime.sending import DeadLetters, Recipient
    from .opening import Opened


class Settings(Record, frozen=True):
    """The settings of a task system that are plain values; see `TaskSystem`."""

    name: str
    slots: int
    grace: float
    history: int
    output_limit: int
    session_output_limit: int
    adopt: bool
    resources: dict[str, float | str]
    pause_on_failure: bool
    clock: Clock | None

    def check(self) -> None:
        """Check types and values.

        Raises:
            TypeError: If a setting has a wrong type.
            ValueError: If a setting is invalid.
        """
        if (problem := wrong_type(self)) is not None:
            raise TypeError(problem)
        check_values(
            name=self.name,
            slots=self.slots,
            grace=self.grace,
            history=self.history,
            output_limit=self.output_limit,
            session_output_limit=self.session_output_limit,
        )


class StartConfig(Record, frozen=True):
    """The checked settings of a task system.

    Attributes:
        settings: The plain values.
        resources: The amount of each resource.
        kinds: The kinds of tasks.
        engines: Where tasks may run besides this machine, by name.
        dead_letters: Counts messages to dead recipients.
        store: Holds the terminals and input pipes of jobs for the next program.
    """

    settings: Settings
    resources: Mapping[str, float]
    kinds: Kinds
    engines: Mapping[str, Engine]
    dead_letters: DeadLetters
    store: Store | None = None


class Starting:
    """Starts a system's actors; appends to `releases` a call that undoes each step."""

    def __init__(
        self, config: StartConfig, releases: list[Callable[[], object]]
    ) -> None:
        self._config = config
        self._releases = releases
        self.queue: pykka.ActorRef[QueueActor] | None = None
        """The QueueActor; None until it is started."""
        self.runner: pykka.ActorRef[RunnerActor] | None = None
        """The RunnerActor; None until it is started."""
        self.dispatcher: Dispatcher | None = None
        """The dispatcher that runs the actors' turns; None until it is started."""

    def run(
        self, opened: Opened, subscribers: Iterable[Recipient[Notification] | Subscribe]
    ) -> None:
        """Execute all steps; blocks until each actor has answered.

        Raises:
            RefusedError: If a request of the start is refused.
            TimeoutError: If an actor does not answer.
        """
        config = self._config
        settings = config.settings
        memory, recovered, notes = opened.memory, opened.recovered, opened.notes
        SPARES.hold()
        self._releases.append(SPARES.drop)
        for kind in config.kinds:
            if isinstance(kind, Closable):
                self._releases.append(kind.close)
        for engine in config.engines.values():
            if isinstance(engine, Outliving):
                session = f"{settings.name}-{memory.session_key}"
                engine.open(session, stays=notes is not None)
            self._releases.append(engine.close)
        clock, call_later = settings.clock, None
        if clock is None:
            clock = own_clock = SystemClock()
            self._releases.append(own_clock.close)
            # Only of the own clock: another clock may not run in real time.
            call_later = own_clock.call_later
        exits = PidfdWatcher()
        self._releases.append(exits.close)
        dispatcher = Dispatcher("backburner", exits, call_later)
        self._releases.append(dispatcher.close)
        self.dispatcher = dispatcher
        book = TaskBook(memory.next_id, settings.history, resources=config.resources)
        book.restore(
            memory.tasks,
            memory.order,
            memory.environments,
            memory.rules,
            at=clock.now(),
            adopted={it.task.id for it in recovered.adopted},
        )
        schedules = ScheduleBook(memory.next_schedule)
        schedules.restore(memory.schedules, memory.schedule_environments)
        environment = Variables(os.environ)
        queue = self.queue = QueueActor.start(
            QueueConfig(
                kinds=config.kinds,
                output=opened.output,
                output_limit=settings.session_output_limit,
                directory=working_directory(),
                environment=environment,
                clock=clock,
                dead_letters=config.dead_letters,
                dispatcher=dispatcher,
                released=None if notes is None else notes.release,
                rebooted=memory.rebooted,
                engines=config.engines,
                pause_on_failure=settings.pause_on_failure,
            ),
            book,
            opened.journal,
            memory.seq,
            UnshownChanges(
                memory.unshown, memory.last_changes.__contains__, memory.shown
            ),
            last_changes=memory.last_changes,
            lost=None if notes is None else recovered.lost,
            schedules=schedules,
        )
        for it in subscribers:
            request = it if isinstance(it, Subscribe) else Subscribe(it)
            self._request(queue, request, Acknowledged)
        self._request(queue, OpenQueue(), Acknowledged)
        channels = Channels(config.store)
        self._releases.append(channels.close)
        actor_config = TaskActorConfig(
            clock=clock,
            exits=exits,
            dead_letters=config.dead_letters,
            dispatcher=dispatcher,
            session_key=f"{settings.name}-{memory.session_key}",
            grace=settings.grace,
            output_limit=settings.output_limit,
            environment=Environment.to_inherit(environment),
            notes=notes,
            exit_notes=opened.exits,
            engines=config.engines,
            channels=channels,
        )
        going_on = GoingOn(recovered.adopted, memory.environments, recovered.left)
        self.runner = RunnerActor.start(
            queue, config.kinds, settings.slots, actor_config, going_on
        )
        answer_of(self.runner.ask(Begin(), block=False), ANSWER_TIMEOUT)
        # Task actors begin before `start` returns.
        channels.forget_others({it.task.id for it in recovered.adopted})
        # The runner's claims came first, so they are handled before this answer.
        self._request(queue, ListTasks(TaskFilter.RUNNING), TaskList)

    def _request(
        self,
        queue: Recipient[Any],
        request: QueueRequest | OpenQueue,
        answer: type[ReplyT],
    ) -> None:
        ask(queue, request, answer, ANSWER_TIMEOUT, self._config.dead_letters)
