"""A kind whose jobs are controlled by a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from ..kinds import JobEnd
from ..rules.outcome import Outcome
from ..rules.safe_text import brief
from .recorder import PATIENCE, Recorder, require_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..kinds import JobContext

Step: TypeAlias = Literal[
    "check", "start", "pid", "look", "progress", "pause", "resume", "stop", "kill"
]
"""A method of a kind or a job."""

_STEPS: Final[tuple[str, ...]] = get_args(Step)
_MAY_IGNORE: Final = ("stop", "kill")


class FakeJob:
    """A job controlled by a test: it runs until the test ends it.

    `stop` and `kill` end it too, unless it ignores them.

    Attributes:
        context: The context in which it was started.
        asked: The calls in order: `look`, `pause`, `resume`, `stop` and `kill`.
        ignores: Which of `stop` and `kill` do nothing.
        raises: The exceptions that its methods raise, by method.
    """

    def __init__(
        self,
        context: JobContext,
        *,
        ignores: frozenset[Step],
        raises: dict[Step, BaseException],
    ) -> None:
        self.context = context
        self.asked: Recorder[Step] = Recorder(f"job {context.task.id}")
        self.ignores = ignores
        self.raises = raises
        self._end: JobEnd | None = None
        self._progress: int | None = None

    def complete(self, reason: str = "done", exit_code: int | None = None) -> None:
        """End as complete."""
        self.end(JobEnd(Outcome.complete(reason, exit_code)))

    def fail(self, reason: str = "failed", exit_code: int | None = None) -> None:
        """End as failed."""
        self.end(JobEnd(Outcome.failed(reason, exit_code)))

    def end(self, end: JobEnd, *, quietly: bool = False) -> None:
        """End in any way; only the first end counts.

        Args:
            end: How it ends.
            quietly: Whether to send no event, so that the next tick detects the end.

        Raises:
            TypeError: If `end` is not a `JobEnd`.
        """
        require_type("end", end, JobEnd)
        if self._end is None:
            self._end = end
        if not quietly:
            self.context.look()

    def advance_to(self, progress: int) -> None:
        """Report this progress, in percent."""
        self._progress = progress
        self.context.look()

    def write(self, output: bytes) -> None:
        """Append to the output file of the task.

        Raises:
            ValueError: If its kind writes no output.
        """
        if self.context.output is None:
            raise ValueError("this kind writes no output")
        with self.context.output.open("ab") as file:
            file.write(output)
        self.context.look()

    def look(self) -> JobEnd | None:
        """Return its end; None while it runs."""
        self._note("look")
        return self._end

    def progress(self) -> int | None:
        """Return the progress that the test has set."""
        self._fail("progress")
        return self._progress

    def pause(self) -> None:
        """Record the call."""
        self._note("pause")

    def resume(self) -> None:
        """Record the call."""
        self._note("resume")

    def stop(self) -> None:
        """Complete, unless `stop` is ignored."""
        self._note("stop")
        if "stop" not in self.ignores:
            self.complete("stopped")

    def kill(self) -> None:
        """Fail, unless `kill` is ignored."""
        self._note("kill")
        if "kill" not in self.ignores:
            self.fail("killed")

    def pid(self) -> None:
        """Return None: it has no process."""
        self._fail("pid")

    def _note(self, step: Step) -> None:
        self.asked.tell(step)
        self._fail(step)

    def _fail(self, step: Step) -> None:
        if step in self.raises:
            raise self.raises[step]


class FakeKind:
    """A `Kind` whose jobs are `FakeJob`s.

    Args:
        name: Its name in requests.
        writes_output: Whether its jobs have an output file.
        ignores: Which of `stop` and `kill` its jobs ignore.
        raises: The exceptions that its methods, and those of jobs started from now on,
            raise. A test may change it at any time.

    Raises:
        ValueError: If a step does not exist, or can't be ignored.
        TypeError: If a step or an exception has a wrong type.
    """

    can_pause = True
    usage = "[ANYTHING]"
    summary = "do what a test says"

    def __init__(
        self,
        name: str = "fake",
        *,
        writes_output: bool = False,
        ignores: frozenset[Step] | set[Step] = frozenset(),
        raises: dict[Step, BaseException] | None = None,
    ) -> None:
        _require_steps("ignores", ignores, _MAY_IGNORE)
        for step, error in (raises or {}).items():
            _require_steps("raises", [step], _STEPS)
            if not isinstance(error, type):  # a class can be raised too
                require_type(f"raises[{step!r}]", error, BaseException)
        self.name = name
        self.writes_output = writes_output
        self.ignores: frozenset[Step] = frozenset(ignores)
        self.raises: dict[Step, BaseException] = {} if raises is None else raises
        self._jobs: Recorder[FakeJob] = Recorder(f"kind {name}")

    @property
    def jobs(self) -> tuple[FakeJob, ...]:
        """All started jobs, in order."""
        return self._jobs.received

    def wait_for_jobs(self, count: int, *, timeout: float = PATIENCE) -> None:
        """Block until `count` jobs have been started, including further attempts.

        Raises:
            AssertionError: If there are fewer after `timeout` seconds.
            TypeError: If `count` is not a whole number.
        """
        self._jobs.wait_for_count(FakeJob, count, timeout=timeout)

    def job(self, task_id: int, *, timeout: float = PATIENCE) -> FakeJob:
        """Return the job of a task's first attempt; blocks until it has been started.

        For further attempts see `jobs` and `wait_for_jobs`.

        Raises:
            AssertionError: If it was not started within `timeout` seconds.
            TypeError: If `task_id` is something else, such as a task.
        """
        require_type("task_id", task_id, int)
        for job in self._jobs.received:
            if job.context.task.id == task_id:
                return job
        try:
            return self._jobs.wait_for(
                lambda job: job.context.task.id == task_id, timeout=timeout
            )
        except AssertionError:
            started = ", ".join(str(it.context.task.id) for it in self.jobs) or "none"
            raise AssertionError(
                f"no job of task {task_id} within {timeout:g} s; tasks with a job:"
                f" {started}"
            ) from None

    def check(self, args: tuple[str, ...]) -> None:
        """Accept any arguments."""
        del args
        if "check" in self.raises:
            raise self.raises["check"]

    def start(self, context: JobContext) -> FakeJob:
        """Start a job, and add it to `jobs`."""
        if "start" in self.raises:
            raise self.raises["start"]
        job = FakeJob(context, ignores=self.ignores, raises=dict(self.raises))
        self._jobs.tell(job)
        return job


def _require_steps(name: str, steps: Iterable[str], known: tuple[str, ...]) -> None:
    if isinstance(steps, str):
        raise TypeError(f"{name} must be a set of steps, such as {{{steps!r}}}")
    for step in steps:
        if step not in known:
            what = " or ".join(known) if len(known) == 2 else ", ".join(known)  # noqa: PLR2004
            raise ValueError(f"{name} can have {what}, not {brief(repr(step))}")
