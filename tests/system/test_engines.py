"""Where tasks run: each engine has its own room, and its jobs report their waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskRequest, TaskStatus, TaskSystem, Terms
from backburner.actors.kinds import Command, JobEnd, JobNote, NotingJob
from backburner.actors.rules.outcome import Outcome
from backburner.actors.session.errors import RefusedError
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backburner.actors import Task
    from backburner.actors.kinds import JobContext


class FarJob(NotingJob):
    """A job whose state the test controls."""

    def __init__(self, command: Command, context: JobContext) -> None:
        self.command = command
        self.context = context
        self._note = JobNote("needs CPU=4; 2 of 8 free")
        self._end: JobEnd | None = None

    def say(self, note: JobNote) -> None:
        self._note = note
        self.context.look()

    def finish(self, outcome: Outcome) -> None:
        self._end = JobEnd(outcome)
        self.context.look()

    def note(self) -> JobNote:
        return self._note

    def look(self) -> JobEnd | None:
        return self._end

    def progress(self) -> None:
        return None

    def pid(self) -> None:
        return None

    def stop(self) -> None:
        self.finish(Outcome.failed("killed by signal 15 (SIGTERM)"))

    kill = stop


class FarEngine:
    name = "far"

    def __init__(self, slots: int = 100) -> None:
        self.slots = slots
        self.jobs: dict[int, FarJob] = {}
        self.closed = 0

    def start(self, command: Command, context: JobContext) -> FarJob:
        job = self.jobs[context.task.id] = FarJob(command, context)
        return job

    def close(self) -> None:
        self.closed += 1


def far(command: str = "true", **terms: object) -> TaskRequest:
    return TaskRequest(
        command,
        "bash",
        (command,),
        terms=Terms(engine="far", **terms),  # type: ignore[arg-type]
    )


def reaches(system: TaskSystem, task_id: int, fits: Callable[[Task], bool]) -> Task:
    until(lambda: fits(system.get(task_id)))
    return system.get(task_id)


def test_jobs_waiting_for_an_engine_hold_no_local_slot() -> None:
    engine = FarEngine()
    with TaskSystem(slots=1, engines=[engine]) as system:
        waiting = [system.add_request(far()) for _ in range(3)]
        local = system.wait(
            system.add_request(TaskRequest("here", "bash", ("true",))).id,
            timeout=PATIENCE,
        )
        assert local[0].status is TaskStatus.COMPLETE
        for task in waiting:
            seen = reaches(system, task.id, lambda it: it.reason.startswith("needs"))
            assert seen.reason == "needs CPU=4; 2 of 8 free"
            assert seen.node == ""


def test_an_engine_gets_as_many_tasks_as_it_accepts() -> None:
    engine = FarEngine(slots=2)
    with TaskSystem(engines=[engine]) as system:
        ids = [system.add_request(far()).id for _ in range(3)]
        until(lambda: len(engine.jobs) == 2)
        assert system.get(ids[2]).reason == "waiting for a slot of far (2 of 2 busy)"
        engine.jobs[ids[0]].finish(Outcome.complete("exit status 0", 0))
        until(lambda: ids[2] in engine.jobs)


def test_a_task_names_the_node_on_which_it_runs_and_ran() -> None:
    engine = FarEngine()
    with TaskSystem(engines=[engine]) as system:
        task_id = system.add_request(far()).id
        until(lambda: task_id in engine.jobs)
        engine.jobs[task_id].say(JobNote(node="node-7"))
        running = reaches(system, task_id, lambda it: bool(it.node))
        assert (running.reason, running.node) == ("running", "node-7")
        engine.jobs[task_id].finish(Outcome.complete("exit status 0", 0))
        (ended,) = system.wait(task_id, timeout=PATIENCE)
        assert (ended.status, ended.node) == (TaskStatus.COMPLETE, "node-7")


def test_the_duration_of_a_task_begins_when_its_engine_starts_it() -> None:
    engine = FarEngine()
    with TaskSystem(engines=[engine]) as system:
        task_id = system.add_request(far(timeout=0.05)).id
        waits = reaches(system, task_id, lambda it: it.reason.startswith("needs"))
        assert waits.status is TaskStatus.RUNNING
        engine.jobs[task_id].say(JobNote(node="node-7"))
        (ended,) = system.wait(task_id, timeout=PATIENCE)
        assert ended.reason.startswith("timed out after")


def test_resources_of_an_engine_are_not_counted_locally() -> None:
    engine = FarEngine()
    with TaskSystem(engines=[engine], resources={"gpu": 1}) as system:
        needs = (("TPU", 2.0), ("gpu", 5.0))
        task_id = system.add_request(far(needs=needs)).id
        until(lambda: task_id in engine.jobs)
        assert engine.jobs[task_id].command.needs == needs


def test_a_task_waiting_for_an_engine_can_be_canceled() -> None:
    engine = FarEngine()
    with TaskSystem(engines=[engine]) as system:
        task_id = system.add_request(far()).id
        until(lambda: task_id in engine.jobs)
        system.cancel(task_id)
        (ended,) = system.wait(task_id, timeout=PATIENCE)
        assert ended.status is TaskStatus.CANCELED


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            TaskRequest("x", "bash", ("true",), terms=Terms(engine="near")),
            "unknown engine 'near'; the engines are: far",
        ),
        (
            TaskRequest("x", "sleep", ("1s",), terms=Terms(engine="far")),
            "sleep tasks run only on this machine; leave out the engine",
        ),
        (
            TaskRequest("x", "bash", ("true",), terms=Terms(engine="a b")),
            "engine must be a short name without spaces",
        ),
    ],
)
def test_an_engine_that_cannot_run_a_task_is_refused(
    request_: TaskRequest, text: str
) -> None:
    with TaskSystem(engines=[FarEngine()]) as system:
        with pytest.raises(RefusedError) as raised:
            system.add_request(request_)
        assert str(raised.value) == text


def test_engine_names_are_unique() -> None:
    with pytest.raises(ValueError, match="two engines are called 'far'"):
        TaskSystem(engines=[FarEngine(), FarEngine()])


def test_an_engine_is_closed_with_the_system() -> None:
    engine = FarEngine()
    with TaskSystem(engines=[engine]):
        pass
    assert engine.closed == 1


def test_a_queued_task_waits_for_a_session_with_its_engine(tmp_path: Path) -> None:
    with TaskSystem(directory=tmp_path, engines=[FarEngine()]) as system:
        task_id = system.add_request(far(held=True)).id
    with TaskSystem(directory=tmp_path) as system:
        system.release(task_id)
        waits = system.get(task_id)
        assert waits.reason == "waiting for the engine far, which is not configured"
    engine = FarEngine()
    with TaskSystem(directory=tmp_path, engines=[engine]):
        until(lambda: task_id in engine.jobs)
