"""On which terms a task runs: when it may start, how long it may take, its input."""

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
"""The highest priority; the lowest is the negative of it."""

_Priority = Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]
_Id = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]
_Ids = tuple[_Id, ...]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
_Cpus = Annotated[float, msgspec.Meta(ge=LEAST_CPUS, le=MOST_CPUS)]
_Memory = Annotated[int, msgspec.Meta(ge=LEAST_MEMORY, le=MOST_MEMORY)]
_Pids = Annotated[int, msgspec.Meta(ge=1, le=MOST_PIDS)]
_Retries = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

Restart = Literal["always", "on-failure"]
"""When a task is started again that should stay up."""

OnReboot = Literal["again", "fail"]
"""What becomes of a task that ran when the machine restarted."""

Input = Literal["pipe", "terminal"]
"""What a task reads from that takes input while it runs."""

_Amount = Annotated[float, msgspec.Meta(ge=SMALLEST, le=LARGEST)]

Needs = tuple[tuple[str, _Amount], ...]
"""Names of resources, and how much of each."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The options of a task, such as when it may start and how long it may take.

    In JSON only what differs from the default is written.

    Attributes:
        timeout: Seconds after which it is ended as failed, as if it were canceled: with
            the grace period, and with all that it has started. `None` for no limit.
        priority: Higher numbers start first; tasks of equal priority in their order.
        held: Whether it waits until somebody releases it.
        immediate: Whether it starts at once, even if no slot is free.
        after: The tasks that must be complete before it starts.
        after_failed: The tasks that must have failed before it starts.
        after_any: The tasks that must have ended, in any status, before it starts.
        delay: Seconds after which it starts at the earliest, from when it is added.
        at: The date and time at which it starts at the earliest. Set by the queue for
            a task with a delay.
        retries: How many more attempts it gets if it fails.
        retry_delay: Seconds before the second attempt; each further pause is twice as
            long, at most five minutes, and all are up to a tenth longer or shorter at
            random. `None` for 2.
        retry_on: The exit statuses after which another attempt makes sense, with 124
            for a timeout; empty for any failure.
        restart: When it is started again although it was not asked to be tried so many
            times: whenever it ends, or whenever it fails. Only a cancel ends it then.
        on_reboot: What becomes of it if the machine restarts while it runs: it runs
            again, or has failed. By default what becomes of it after any failure.
        group: The group whose slots it uses.
        needs: Which named resources it takes while it runs, and how much of each.
        engine: Where it runs, by the name of an engine; empty for this machine. What
            it needs is then what the engine has, and `cpus` and `memory` are reserved
            there.
        address: Where the head of its cluster is, `auto` or `HOST:PORT`; empty for what
            the session says.
        ships: Whether a copy of its directory is made on the node, in which it runs;
            otherwise there is the same directory on the node.
        cpus: How many processors its processes may use together. `None` for no limit,
            here and in the next two.
        memory: How many bytes of memory they may use together; more ends it as failed.
        pids: How many processes, with their threads, it may have at a time.
        schedule: The schedule that added it. Set by the queue.
        batch: What the tasks have in common that were added with it, if anything.
        max_fails: After how many failures in its batch the tasks of it that have not
            started are canceled. `None` for never.
        input: What it reads from: a pipe, or a terminal of its own, which takes its
            output as well. `None` for nothing: its standard input is empty.
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
        """What it needs of the resources that the scheduler counts."""
        return () if self.engine else self.needs

    @property
    def engine_needs(self) -> Needs:
        """What it needs of its engine: its limits too are reserved there."""
        if not self.engine:
            return ()
        limits = (("CPU", self.cpus), ("memory", self.memory))
        reserved = {name: float(it) for name, it in limits if it is not None}
        return (*{**reserved, **dict(self.needs)}.items(),)

    @property
    def again(self) -> Terms:
        """What of them counts for another task that does the same.

        Neither the tasks nor the moment that the first one waited for.
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
        """Whether it limits what a task may use."""
        return not (self.cpus is None and self.memory is None and self.pids is None)

    def problem(self) -> str | None:
        """Return why these terms can't be met; `None` if they can.

        What depends on other tasks is not looked at.
        """
        timeout = self.timeout
        if timeout is not None and not 0 < timeout <= LONGEST:
            return _no_duration("timeout", timeout)
        if not -MOST <= self.priority <= MOST:
            return f"priority must be from {-MOST} to {MOST}, not {self.priority}"
        delay, at = self.delay, self.at
        if delay is not None and not 0 < delay <= LONGEST:
            return _no_duration("delay", delay)
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
            return f"needs: the amount of {wrong[0]} makes no sense"
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
            return f"retry must be a number from 0 to {MOST}, not {self.retries}"
        if pause is not None and not 0 < pause <= LONGEST:
            return _no_duration("retry-delay", pause)
        if self.restart is not None and (self.retries or self.retry_on):
            return "give a number of retries or a restart, not both"
        if self.retry_on and not self.retries:
            return "retry-on needs a number of retries"
        if pause is not None and not (self.retries or self.restart):
            return "retry-delay needs a number of retries, or a restart"
        return None


def _no_duration(name: str, seconds: float) -> str:
    if seconds > LONGEST:
        return f"{name} must be at most {LONGEST:.0f} seconds, not {seconds:.0f}"
    return f"{name} must be more than 0 seconds, not {seconds:g}"


PLAIN: Final = Terms()
"""The terms of a task that asks for none: it starts as soon as it is its turn."""


class GroupRules(msgspec.Struct, frozen=True, gc=False):
    """The settings of a group.

    Attributes:
        name: The name of the group.
        slots: How many of its tasks run at a time; 0 for as many as there are slots.
        paused: Whether none of them starts.
        pause_on_failure: Whether it is paused when one of its tasks fails; `None` for
            what the queue does with all groups.
        why: Why it is paused, if nobody asked for it: the task that has failed.
    """

    name: str
    slots: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    paused: bool = False
    pause_on_failure: bool | None = None
    why: Annotated[str, msgspec.Meta(max_length=64)] = ""


class QueueRules(msgspec.Struct, frozen=True):
    """The settings of the queue.

    Attributes:
        paused: Whether nothing starts.
        groups: The groups for which something is set, by name.
        slots: How many tasks run at a time, if that was set; `None` for as many as
            the session was opened with.
    """

    paused: bool = False
    groups: tuple[GroupRules, ...] = ()
    slots: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


def is_group_name(text: str) -> bool:
    """Tell whether a group can be called so."""
    return _GROUP_NAME.fullmatch(text) is not None


_GROUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
