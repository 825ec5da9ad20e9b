"""The shutdown of a task system: its steps, in order, within one deadline."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..messages import (
    Acknowledged,
    AwaitShown,
    CloseQueue,
    Drain,
    Drained,
    ListTasks,
    QueueReply,
    TaskList,
)
from ..processes.bounds import remove_groups
from ..processes.ending import end_all
from ..processes.handle import Process
from ..rules.record import Record
from ..rules.safe_text import safe_line
from ..rules.shortage import shortage_of
from ..rules.status import TaskFilter
from ..runtime.promise import Deadline, Promise, answer_of
from ..runtime.sending import DeadLetters, logger, post, post_if_alive
from .asking import ask
from .errors import TaskSystemError
from .leftovers import find_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pykka

    from ..queue_actor import QueueActor
    from ..rules.process_record import ProcessId
    from ..runner_actor import RunnerActor

STOP_TIMEOUT: Final = 5.0
"""Seconds for each short step, also after the deadline."""

_KILLED_TIMEOUT: Final = 30.0
"""Seconds to wait for killed tasks to end; long, because their true status matters even
on an overloaded machine."""

_NAMED: Final = 5
"""Maximum number of tasks that an error names."""

_SHOWN_TIMEOUT: Final = 2.0
_SHOWN_AFTER_ALL: Final = 0.5
"""Seconds to show the last changes after the deadline, or in a hurry."""


class ShutdownConfig(Record, frozen=True):
    """The settings of a shutdown.

    Attributes:
        reason: The reason of the tasks that are ended.
        remembered: Whether the session can be opened again; then queued tasks and
            unshown changes are kept.
        grace: Seconds between SIGTERM and SIGKILL for background processes.
        session_key: Part of the mark of its processes.
        dead_letters: Counts messages to dead recipients.
    """

    reason: str
    remembered: bool
    grace: float
    session_key: str
    dead_letters: DeadLetters


class Shutdown:
    """One stop of a task system; tasks that still run at the deadline are killed."""

    def __init__(
        self,
        config: ShutdownConfig,
        queue: pykka.ActorRef[QueueActor] | None,
        runner: pykka.ActorRef[RunnerActor] | None,
        deadline: Deadline,
    ) -> None:
        self._config = config
        self._queue = queue
        self._runner = runner
        self._deadline = deadline
        self._hurried = False
        self._problems: list[str] = []
        self._left: tuple[ProcessId, ...] = ()
        self._shown: Promise[QueueReply | None] | None = None

    def run(self, releases: Iterable[Callable[[], object]]) -> tuple[str, ...]:
        """Execute all steps, then the releases; blocks until the last one is done.

        A failed step is logged. An interruption, such as Ctrl+C, hurries the later
        steps, and is raised after the last one.

        Returns:
            Problems for people: failed steps, and processes that couldn't be killed.
        """
        interrupt: BaseException | None = None
        for step in (*self._steps(), *releases):
            # Each step is needed even if earlier ones failed.
            try:
                step()
            except Exception as error:  # noqa: BLE001 - reported; the rest is needed
                self._note_failure(error)
            except BaseException as error:  # noqa: BLE001 - raised below
                interrupt = error
                self.hurry()
        if interrupt is not None:
            raise interrupt
        return tuple(self._problems)

    def _note_failure(self, error: Exception) -> None:
        lacking = shortage_of(error)
        if lacking is None:
            logger.error("A step of stopping the task system failed", exc_info=error)
        what = lacking or safe_line(str(error)) or type(error).__name__
        self._problems.append(f"a step of the session's end failed: {what}")

    def hurry(self) -> None:
        """End the grace period and all waits. Never blocks."""
        self._hurried = True
        if self._runner is not None:
            post_if_alive(self._runner, Drain(self._config.reason, now=True))
        if (shown := self._shown) is not None:
            shown.tell(None)

    def _steps(self) -> Iterable[Callable[[], object]]:
        queue, runner = self._queue, self._runner
        if queue is not None:
            yield lambda: self._close(queue)
        if runner is not None:
            yield lambda: self._drain(runner)
            yield lambda: answer_of(runner.stop(block=False), STOP_TIMEOUT)
            yield self._end_leftovers
        if queue is not None:
            if self._config.remembered:
                yield lambda: self._await_shown(queue)
            yield lambda: answer_of(queue.stop(block=False), STOP_TIMEOUT)

    def _close(self, queue: pykka.ActorRef[QueueActor]) -> None:
        config = self._config
        close = CloseQueue(config.reason, keep_queued=config.remembered)
        # The program may have stopped all actors already.
        with contextlib.suppress(TaskSystemError):
            ask(queue, close, Acknowledged, STOP_TIMEOUT, config.dead_letters)

    def _drain(self, runner: pykka.ActorRef[RunnerActor]) -> None:
        config = self._config
        drained: Promise[Drained] = Promise()
        drain = Drain(config.reason, now=self._hurried, reply_to=drained)
        try:
            if post(runner, drain, config.dead_letters):
                self._drained(drained.get(self._deadline.left()))
        except BaseException as error:
            # Ctrl+C, or the deadline: kill the tasks, and wait for their true outcomes.
            self._hurried = True
            # Ctrl+C may have come before the first `Drain` was sent.
            if post(runner, replace(drain, now=True), config.dead_letters):
                try:
                    self._drained(drained.get(_KILLED_TIMEOUT))
                except TimeoutError as timeout:
                    raise TimeoutError(self._stuck_tasks() or str(timeout)) from None
            if not isinstance(error, TimeoutError):
                raise

    def _drained(self, answer: Drained) -> None:
        self._left = answer.left
        self._problems += _first(answer.given_up)

    def _stuck_tasks(self) -> str:
        """Name the tasks that still run because a method of their job blocks."""
        if self._queue is None:
            return ""
        request, letters = ListTasks(TaskFilter.RUNNING), self._config.dead_letters
        try:
            tasks = ask(self._queue, request, TaskList, STOP_TIMEOUT, letters).tasks
        except (TaskSystemError, TimeoutError):
            return ""
        names = [f"task {it.id} of the kind {it.kind!r}" for it in tasks]
        return f"no end within {_KILLED_TIMEOUT:g} s of {', '.join(_first(names))}"

    def _end_leftovers(self) -> None:
        key, grace = self._config.session_key, self._config.grace
        known = [Process(it.pid, it.born) for it in self._left]
        left = end_all(
            lambda: find_all(key, known),
            min(grace, self._deadline.left()),
            lambda: self._hurried,
        )
        remove_groups(key)
        if left:
            self._problems.append(f"still alive: {left}")

    def _await_shown(self, queue: pykka.ActorRef[QueueActor]) -> None:
        # A queue that has stopped can't receive `Shown`.
        if not queue.is_alive():
            return
        left = 0.0 if self._hurried else self._deadline.left()
        timeout = min(_SHOWN_TIMEOUT, max(_SHOWN_AFTER_ALL, left))
        self._shown = shown = Promise[QueueReply | None]()
        try:
            if post(queue, AwaitShown(shown), self._config.dead_letters):
                shown.get(timeout)
        except TimeoutError:
            logger.info(
                "The last changes were not acknowledged as shown; they are shown again"
            )
        finally:
            self._shown = None


def _first(names: Sequence[str]) -> list[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], *([f"{more:,} more"] if more > 0 else [])]
