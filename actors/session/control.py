"""The blocking calls that say which task starts when, and how many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import (
    AddSchedule,
    EditTask,
    GetRules,
    HoldTask,
    ListNodes,
    ListSchedules,
    MoveTask,
    NodesFound,
    PauseQueue,
    PauseSchedule,
    PauseTask,
    RemoveSchedule,
    RulesFound,
    SchedulesFound,
    SetGroup,
    SetSlots,
    Slots,
    TaskAltered,
)
from ..rules.rhythm import CatchUp
from .asking import ANSWER_TIMEOUT
from .talking import Talking

if TYPE_CHECKING:
    from ..rules.request import TaskRequest
    from ..rules.schedules import Schedule
    from ..rules.task import Task
    from ..rules.terms import QueueRules


class Control(Talking):
    """Changes the order of queued tasks, and what is set for the queue."""

    def move(
        self,
        task_id: int,
        *,
        first: bool = False,
        before: int | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Put a queued task elsewhere in the order, and return it.

        Args:
            task_id: The id of the task.
            first: Whether before all others of its priority, or behind them.
            before: Another queued task before which it is put, if any; it gets the
                priority of that one.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = MoveTask(task_id, first, before)
        return self._request(request, TaskAltered, answer_timeout).task

    def pause(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Start no task of a group, or none at all, and pause those that run.

        Args:
            group: Which; `None` for all.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now, and the running tasks that were paused.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        return self._request(PauseQueue(group), RulesFound, answer_timeout)

    def drain(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Start no task of a group, or none at all; those that run go on.

        `resume` ends it. For the arguments and the rest see `pause`.
        """
        request = PauseQueue(group, drain=True)
        return self._request(request, RulesFound, answer_timeout)

    def resume(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Start tasks again, and let go on what is paused; see `pause`."""
        request = PauseQueue(group, paused=False)
        return self._request(request, RulesFound, answer_timeout)

    def pause_task(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Task:
        """Stop all processes of a running task for a while, and return it.

        It stays Running, and keeps its slot; its duration and its timeout stand still.
        One that waits is held, as by `hold`.

        Raises:
            RefusedError: If there is no such task, it has ended, or its kind can't be
                paused.
            TimeoutError: If there was no answer in time.
        """
        return self._request(PauseTask(task_id), TaskAltered, answer_timeout).task

    def resume_task(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Task:
        """Let a task go on that is paused, or release it; see `pause_task`."""
        request = PauseTask(task_id, paused=False)
        return self._request(request, TaskAltered, answer_timeout).task

    def set_group(
        self,
        name: str,
        slots: int | None = None,
        *,
        pause_on_failure: bool | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> QueueRules:
        """Set what counts for the tasks of a group; `None` leaves it as it is.

        Args:
            name: What the group is called.
            slots: How many run at a time; 0 for as many as there is room.
            pause_on_failure: Whether it starts no more when one of its tasks fails.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            What is set for the queue now.

        Raises:
            RefusedError: If there can't be such a group.
            TimeoutError: If there was no answer in time.
        """
        request = SetGroup(name, slots, pause_on_failure)
        return self._request(request, RulesFound, answer_timeout).rules

    def rules(self, *, answer_timeout: float = ANSWER_TIMEOUT) -> QueueRules:
        """Return what is set for the whole queue: what is paused, and the groups."""
        return self._request(GetRules(), RulesFound, answer_timeout).rules

    def nodes(
        self, engine: str = "", *, address: str = "", answer_timeout: float = 60.0
    ) -> NodesFound:
        """Return the nodes of an engine, once it has been reached.

        Args:
            engine: Which; empty if there is only one.
            address: Where the head of the cluster is; empty for what the session says.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such engine.
            TimeoutError: If there was no answer in time.
        """
        return self._request(
            ListNodes(engine, address=address), NodesFound, answer_timeout
        )

    def hold(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task wait until it is released, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        return self._request(HoldTask(task_id), TaskAltered, answer_timeout).task

    def release(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Let a queued task that is held start when it is its turn, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
            TimeoutError: If there was no answer in time.
        """
        request = HoldTask(task_id, held=False)
        return self._request(request, TaskAltered, answer_timeout).task

    def set_slots(
        self, slots: int | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> int:
        """Let so many tasks run at a time; the session remembers it.

        Blocks until the queue has answered. With fewer than run, none is ended.

        Args:
            slots: How many, at least 1; 0 for as many as the session was opened with;
                by default nothing is changed.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            How many tasks run at a time now.

        Raises:
            RefusedError: If that is no number of tasks.
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(SetSlots(slots), Slots, answer_timeout).slots

    def edit(
        self,
        task_id: int,
        *args: str,
        description: str | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Change what a task is called, or what a queued one does; return it.

        Args:
            task_id: The id of the task.
            args: What its kind is told, for `bash` the command; with none as before.
            description: What it is called from now on; by default as before.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, it is to do something else and is
                not queued any more, or that makes no sense.
            TimeoutError: If there was no answer in time.
        """
        request = EditTask(task_id, description, args or None)
        return self._request(request, TaskAltered, answer_timeout).task

    def schedule(  # noqa: PLR0913 - each is one independent thing
        self,
        request: TaskRequest,
        every: str,
        *,
        zone: str = "",
        catch_up: CatchUp = CatchUp.ONCE,
        overlap: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Schedule:
        """Add a task again and again, and return the schedule.

        Args:
            request: What each run asks for.
            every: When: a duration such as `15m`, from now on, or a cron expression of
                five fields such as `*/15 * * * *`.
            zone: The name of the time zone in which a cron expression is meant; by
                default that of the machine.
            catch_up: What becomes of runs that were missed.
            overlap: Whether a run is added although the one before has not ended.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If that makes no sense, or can't be written down.
            TimeoutError: If there was no answer in time; it may still be made.
        """
        asked = AddSchedule(request, every, zone, catch_up, overlap)
        (schedule,) = self._request(asked, SchedulesFound, answer_timeout).schedules
        return schedule

    def schedules(
        self, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Schedule, ...]:
        """Return all schedules, by id.

        Raises:
            TimeoutError: If there was no answer in `answer_timeout` seconds.
        """
        return self._request(ListSchedules(), SchedulesFound, answer_timeout).schedules

    def unschedule(
        self, schedule_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Schedule:
        """Add no more tasks of a schedule, and return it; those it has added stay.

        Raises:
            RefusedError: If there is no such schedule.
            TimeoutError: If there was no answer in time.
        """
        asked = RemoveSchedule(schedule_id)
        (schedule,) = self._request(asked, SchedulesFound, answer_timeout).schedules
        return schedule

    def pause_schedule(
        self,
        schedule_id: int,
        *,
        paused: bool = True,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Schedule:
        """Let a schedule add nothing until it is resumed, or go on; return it.

        Args:
            schedule_id: The id of the schedule.
            paused: Whether it adds nothing. What it missed is made good afterwards, as
                its `catch_up` says.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such schedule.
            TimeoutError: If there was no answer in time.
        """
        asked = PauseSchedule(schedule_id, paused)
        (schedule,) = self._request(asked, SchedulesFound, answer_timeout).schedules
        return schedule
