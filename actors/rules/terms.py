"""The options of a task, such as its start time, limits, retries and input."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from .amounts import (
    LEAST_CPUS,
    LEAST_MEMORY,
    MOST_CPUS,
    MOST_MEMORY,
    MOST_PIDS,
    cpus_problem,
    memory_problem,
    pids_problem,
)
from .durations import LONGEST
from .moment import is_plausible
from .nodes import is_address
from .resources import LARGEST, SMALLEST, is_amount, is_resource_name
from .safe_text import brief

DEFAULT_GROUP: Final = "default"
"""The group of a task that names none."""

MOST: Final = 1_000_000
"""The highest priority; the lowest is its negative."""

_Priority = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]
_Id = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]
_Ids = tuple[_Id, ...]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
_Cpus = Annotated[float, msgspec.Meta(ge=LEAST_CPUS, le=MOST_CPUS)]
_Memory = Annotated[int, msgspec.Meta(ge=LEAST_MEMORY, le=MOST_MEMORY)]
_Pids = Annotated[int, msgspec.Meta(ge=1, le=MOST_PIDS)]
_Retries = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

Restart = Literal["always", "on-failure"]
"""When to start a task again that should stay up."""

OnReboot = Literal["again", "fail"]
"""What to do with a task that was running when the machine restarted."""

Input = Literal["pipe", "terminal"]
"""The kind of standard input of a task that accepts input while it runs."""

_Amount = Annotated[float, msgspec.Meta(ge=SMALLEST, le=LARGEST)]

Needs = tuple[tuple[str, _Amount], ...]
"""Names and amounts of resources."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The options of a task, such as when it may start and how long it may take.

    In JSON, values equal to the default are omitted.

    Attributes:
        timeout: Seconds after which the task fails; it is then stopped with the grace
            period, including all its processes. None for no limit.
        priority: Tasks with higher numbers start first.
        held: Whether it waits until it is released.
        immediate: Whether it starts at once, even if no slot is free.
        after: The tasks that must be complete before it starts.
        after_failed: The tasks that must have failed before it starts.
        after_any: The tasks that must have ended, in any status, before it starts.
        delay: Minimum seconds between adding and starting it.
        at: The earliest date and time of its start. Set by the queue for a task with a
            delay.
        retries: The number of further attempts if it fails.
        retry_delay: Seconds before the second attempt, by default 2. The delay doubles
            with each attempt, up to five minutes if it is shorter than that, with a
            random deviation of up to a tenth.
        retry_on: The exit statuses that are retried, with 124 for a timeout; empty for
            any failure.
        restart: Whether to start it again without a limit, whenever it ends or whenever
            it fails, until it is canceled.
        on_reboot: Whether it runs again or fails if the machine restarts while it runs.
            By default a restart counts as a failed attempt.
        group: The group whose slots it uses.
        needs: The named resources that it takes while it runs, and their amounts.
        engine: The name of the engine that runs it; empty for this machine. With an
            engine, `needs`, `cpus` and `memory` are reserved there.
        address: The address of the cluster's head node, `auto` or `HOST:PORT`; empty
            for the one configured for the session.
        ships: Whether it runs in a copy of its directory on the node; otherwise the
            same directory must exist on the node.
        cpus: Maximum number of processors for all its processes; None for no limit.
        memory: Maximum bytes of memory for all its processes; exceeding it fails the
            task. None for no limit.
        pids: Maximum number of its processes and threads; None for no limit.
        schedule: The schedule that added it. Set by the queue.
        batch: The name of the batch with which it was added, if any.
        max_fails: The number of failures in its batch that cancels all tasks of the
            batch that have not started; None for no limit.
        input: Its standard input: a pipe, or a terminal of its own, which also receives
            its output. None for an empty standard input.
    """

    timeout: _Seconds | None = None
    priority: _Priority = 0
    held: bool = False
    immediate: bool = False
    after: _Ids = ()
    after_failed: _Ids = ()
    after_any: _Ids = ()
    delay: _Seconds | None = None
    at: datetime | None = None
    retries: _Retries = 0
    retry_delay: _Seconds | None = None
    retry_on: tuple[int, ...] = ()
    restart: Restart | None = None
    on_reboot: OnReboot | None = None
    group: str = DEFAULT_GROUP
    needs: Needs = ()
    engine: str = ""
    address: str = ""
    ships: bool = False
    cpus: _Cpus | None = None
    memory: _Memory | None = None
    pids: _Pids | None = None
    schedule: _Id | None = None
    batch: str = ""
    max_fails: _Id | None = None
    input: Input | None = None

    @property
    def waits_for(self) -> tuple[int, ...]:
        """The ids of the tasks that must have ended before it starts."""
        return (*self.after, *self.after_failed, *self.after_any)

    @property
    def local_needs(self) -> Needs:
        """The needs that the scheduler of this session reserves."""
        return () if self.engine else self.needs

    @property
    def engine_needs(self) -> Needs:
        """The needs that its engine reserves, including the limits."""
        if not self.engine:
            return ()
        limits = (("CPU", self.cpus), ("memory", self.memory))
        reserved = {name: float(it) for name, it in limits if it is not None}
        return (*{**reserved, **dict(self.needs)}.items(),)

    @property
    def again(self) -> Terms:
        """The terms for running the same task again.

        Without its dependencies, start time, schedule and batch.
        """
        return Terms(
            timeout=self.timeout,
            priority=self.priority,
            delay=self.delay,
            retries=self.retries,
            retry_delay=self.retry_delay,
            retry_on=self.retry_on,
            restart=self.restart,
            on_reboot=self.on_reboot,
            group=self.group,
            needs=self.needs,
            engine=self.engine,
            address=self.address,
            ships=self.ships,
            input=self.input,
            cpus=self.cpus,
            memory=self.memory,
            pids=self.pids,
        )

    @property
    def has_limits(self) -> bool:
        """Whether they limit processors, memory or processes."""
        return not (self.cpus is None and self.memory is None and self.pids is None)

    def problem(self) -> str | None:
        """Return why these terms are invalid; None if they are valid.

        Does not check whether the tasks in them exist.
        """
        timeout = self.timeout
        if timeout is not None and (problem := duration_problem(timeout)):
            return f"timeout {problem}"
        if not -MOST <= self.priority <= MOST:
            return f"priority must be from {-MOST} to {MOST}, not {self.priority}"
        delay, at = self.delay, self.at
        if delay is not None and (problem := duration_problem(delay)):
            return f"delay {problem}"
        if at is not None and not is_plausible(at):
            return f"at must be a date and time with a time zone, not {at}"
        if at is not None and delay is not None:
            return "give a delay or a time, not both"
        if self.max_fails is not None and (self.max_fails < 1 or not self.batch):
            return "max_fails must be at least 1, and needs a batch"
        if self.batch and not is_group_name(self.batch):
            return "batch must be a short name without spaces"
        if not is_group_name(self.group):
            return "group must be a short name without spaces"
        if (problem := self._problem_of_engine()) is not None:
            return problem
        if self.immediate and self.max_fails is not None:
            return "a task that starts at once can't wait for failures as well"
        if (problem := self._problem_of_attempts()) is not None:
            return problem
        names = [name for name, _ in self.needs]
        if wrong := [it for it in names if not is_resource_name(it)]:
            return f"{brief(wrong[0])!r} can't be the name of a resource"
        if len({*names}) < len(names):
            return "name each resource once"
        if wrong := [name for name, amount in self.needs if not is_amount(amount)]:
            return f"needs: the amount of {wrong[0]} is invalid"
        if (problem := self._problem_of_limits()) is not None:
            return problem
        if self.immediate and (self.held or self.waits_for or delay or at):
            return "a task that starts at once can't wait for something as well"
        if both := {*self.after} & {*self.after_failed}:
            return f"task {min(both)} can't both complete and fail"
        return None

    def _problem_of_engine(self) -> str | None:
        if not self.engine:
            if self.ships or self.address:
                what = "ship" if self.ships else "address"
                return f"{what} needs an engine, such as ray"
        elif not is_group_name(self.engine):
            return "engine must be a short name without spaces"
        if self.address and not is_address(self.address):
            return "address must be auto, or HOST:PORT of the head of the cluster"
        return None

    def _problem_of_limits(self) -> str | None:
        return (
            (None if self.cpus is None else cpus_problem(self.cpus))
            or (None if self.memory is None else memory_problem(self.memory))
            or (None if self.pids is None else pids_problem(self.pids))
        )

    def _problem_of_attempts(self) -> str | None:
        pause = self.retry_delay
        if not 0 <= self.retries <= MOST:
            return f"retries must be a number from 0 to {MOST}, not {self.retries}"
        if pause is not None and (problem := duration_problem(pause)):
            return f"retry-delay {problem}"
        if self.restart is not None and (self.retries or self.retry_on):
            return "give a number of retries or a restart, not both"
        if self.retry_on and not self.retries:
            return "retry-on needs a number of retries"
        if pause is not None and not (self.retries or self.restart):
            return "retry-delay needs a number of retries, or a restart"
        return None


def duration_problem(seconds: float) -> str | None:
    """Return why a duration is out of range; None if it is not."""
    if 0 < seconds <= LONGEST:
        return None
    if seconds > LONGEST:
        return f"must be at most {LONGEST:.0f} seconds, not {seconds:.0f}"
    return f"must be more than 0 seconds, not {seconds:g}"


PLAIN: Final = Terms()
"""The default terms."""


class GroupRules(msgspec.Struct, frozen=True, gc=False):
    """The settings of a group.

    Attributes:
        name: The name of the group.
        slots: How many of its tasks run at a time; 0 for no limit of its own.
        paused: Whether it is paused.
        pause_on_failure: Whether it is paused when one of its tasks fails; None for the
            default of the queue.
        why: Why it was paused automatically: the task that has failed.
    """

    name: str
    slots: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    paused: bool = False
    pause_on_failure: bool | None = None
    why: Annotated[str, msgspec.Meta(max_length=64)] = ""


class QueueRules(msgspec.Struct, frozen=True):
    """The settings of the queue.

    Attributes:
        paused: Whether the queue is paused.
        groups: The groups with settings, sorted by name.
        slots: How many tasks run at a time; None for the number with which the session
            was opened.
    """

    paused: bool = False
    groups: tuple[GroupRules, ...] = ()
    slots: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


def is_group_name(text: str) -> bool:
    """Return whether a text is a valid name of a group."""
    return _GROUP_NAME.fullmatch(text) is not None


_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
