"""The blocking calls for order, slots, groups, pauses, edits and schedules."""

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
    """Changes the order of queued tasks, the settings of the queue, and schedules."""

    def move(
        self,
        task_id: int,
        *,
        first: bool = False,
        before: int | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Move a queued task within the order, and return it.

        Args:
            task_id: The id of the task.
            first: Whether to move it before all other tasks of its priority; otherwise
                after them.
            before: The queued task to move it before. It gets the priority of that
                task, and `first` is ignored.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
        """
        request = MoveTask(task_id, first, before)
        return self._request(request, TaskAltered, answer_timeout).task

    def pause(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Pause a group or the whole queue, including its running tasks.

        Args:
            group: The name of the group; None for the whole queue.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The new settings of the queue, and the running tasks that were paused.

        Raises:
            RefusedError: If the name of the group is invalid.
        """
        return self._request(PauseQueue(group), RulesFound, answer_timeout)

    def drain(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Pause a group or the whole queue; running tasks keep running.

        See `pause`, also for the arguments. `resume` undoes it.
        """
        request = PauseQueue(group, drain=True)
        return self._request(request, RulesFound, answer_timeout)

    def resume(
        self, group: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> RulesFound:
        """Resume a group or the whole queue, and its paused tasks; see `pause`."""
        request = PauseQueue(group, paused=False)
        return self._request(request, RulesFound, answer_timeout)

    def pause_task(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Task:
        """Suspend all processes of a running task, and return it.

        The task stays Running and keeps its slot; its duration and timeout don't
        advance. A queued task is held, as by `hold`.

        Raises:
            RefusedError: If there is no such task, it has ended, or its kind can't be
                paused.
        """
        return self._request(PauseTask(task_id), TaskAltered, answer_timeout).task

    def resume_task(
        self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Task:
        """Resume a paused task, or release a held one; see `pause_task`."""
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
        """Change the settings of a group; None keeps the current value.

        Args:
            name: The name of the group.
            slots: How many of its tasks run at a time; 0 removes the limit.
            pause_on_failure: Whether the failure of one of its tasks pauses it.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The new settings of the queue.

        Raises:
            RefusedError: If the name of the group is invalid.
        """
        request = SetGroup(name, slots, pause_on_failure)
        return self._request(request, RulesFound, answer_timeout).rules

    def rules(self, *, answer_timeout: float = ANSWER_TIMEOUT) -> QueueRules:
        """Return the settings of the queue and its groups."""
        return self._request(GetRules(), RulesFound, answer_timeout).rules

    def nodes(
        self, engine: str = "", *, address: str = "", answer_timeout: float = 60.0
    ) -> NodesFound:
        """Return the nodes of an engine. Blocks until the engine has answered.

        Args:
            engine: The name of the engine; may be empty if there is only one.
            address: The address of the cluster's head node; empty for the one
                configured for the session.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such engine.
        """
        return self._request(
            ListNodes(engine, address=address), NodesFound, answer_timeout
        )

    def hold(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Hold a queued task until it is released, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
        """
        return self._request(HoldTask(task_id), TaskAltered, answer_timeout).task

    def release(self, task_id: int, *, answer_timeout: float = ANSWER_TIMEOUT) -> Task:
        """Release a held task, and return it.

        Raises:
            RefusedError: If there is no such task, or it is not queued.
        """
        request = HoldTask(task_id, held=False)
        return self._request(request, TaskAltered, answer_timeout).task

    def set_slots(
        self, slots: int | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> int:
        """Set how many tasks run at a time, which is stored with the session.

        Blocks until the queue has answered. If more tasks are running, they keep
        running.

        Args:
            slots: The number of slots, at least 1; 0 restores the number with which the
                session was opened; None changes nothing.
            answer_timeout: Seconds to wait for the answer.

        Returns:
            The current number of slots.

        Raises:
            RefusedError: If the number is invalid.
        """
        return self._request(SetSlots(slots), Slots, answer_timeout).slots

    def edit(
        self,
        task_id: int,
        *args: str,
        description: str | None = None,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> Task:
        """Change a task's description, or a queued one's arguments; return it.

        Args:
            task_id: The id of the task.
            args: The new arguments (for `bash` the command); without any they stay.
            description: The new description; None keeps the current one.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, `args` is given for a task that
                isn't queued, or the change is invalid.
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
        """Create a schedule, which adds a task repeatedly; return the schedule.

        Args:
            request: The request of each run.
            every: An interval such as `15m`, after which the first run starts, or a
                cron expression of five fields such as `*/15 * * * *`.
            zone: The time zone of a cron expression; by default that of the machine.
            catch_up: What to do about missed runs.
            overlap: Whether to add a run while the previous one has not ended.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If the request is invalid, or can't be stored.
            TimeoutError: If there was no answer in time; it may still be created.
        """
        asked = AddSchedule(request, every, zone, catch_up, overlap)
        (schedule,) = self._request(asked, SchedulesFound, answer_timeout).schedules
        return schedule

    def schedules(
        self, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> tuple[Schedule, ...]:
        """Return all schedules, sorted by id."""
        return self._request(ListSchedules(), SchedulesFound, answer_timeout).schedules

    def unschedule(
        self, schedule_id: int, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> Schedule:
        """Remove a schedule, and return it; the tasks it has added remain.

        Raises:
            RefusedError: If there is no such schedule.
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
        """Pause or resume a schedule, and return it.

        Args:
            schedule_id: The id of the schedule.
            paused: Whether to pause it; otherwise resume it. Missed runs are handled
                according to its `catch_up`.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such schedule.
        """
        asked = PauseSchedule(schedule_id, paused)
        (schedule,) = self._request(asked, SchedulesFound, answer_timeout).schedules
        return schedule
