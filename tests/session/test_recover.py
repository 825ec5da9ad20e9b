"""Running tasks are adopted, started or failed when a session opens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from backburner.actors import Outcome, Task, TaskStatus
from backburner.actors.journal.protocol import Memory
from backburner.actors.processes.exit_notes import NotedExit
from backburner.actors.processes.handle import Process
from backburner.actors.processes.notes import ProcessNote
from backburner.actors.processes.table import Entry
from backburner.actors.rules.adoption import Adoption
from backburner.actors.rules.outcome import NEVER_KNOWN, RESTARTED
from backburner.actors.rules.process_record import StartedProcess
from backburner.actors.rules.variables import Variables
from backburner.actors.session.recovery import NEVER_STARTED, Recovered, recover
from backburner.actors.session.starts import Candidate
from backburner.actors.session.surroundings import Surroundings
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
_HERE: Final = Variables({"PATH": "/bin"})
_PROCESS: Final = StartedProcess(300, 70, 71)


def _task(task_id: int = 1, kind: str = "bash", **changes: object) -> Task:
    task = Task(
        id=task_id,
        description="Build",
        kind=kind,
        reason="",
        queued_at=_NOON,
        output_path=f"/x/{task_id}.log" if kind == "bash" else None,
    )
    return replace(task.started(_NOON), **changes)


def _decide(  # noqa: PLR0913 - each is one independent fact
    task: Task,
    *,
    note: ProcessNote | None = None,
    marked: tuple[Entry, ...] = (),
    has_output: bool = True,
    environment: bool = True,
    adopting: tuple[str, ...] = ("bash", "sleep"),
) -> Recovered:
    memory = Memory(
        session_key="0123456789ab",
        next_id=task.id + 1,
        tasks=(task,),
        environments={task.id: _HERE} if environment else {},
    )
    now = Surroundings(
        "b007",
        {} if note is None else {task.id: note},
        {task.id: marked} if marked else {},
        frozenset({task.id} if has_output else ()),
    )
    return recover(memory, now, adopting)


def _note(boot: str = "b007", status: int | None = None) -> ProcessNote:
    return ProcessNote(1, _PROCESS, boot, status)


def test_a_recorded_process_is_adopted_with_its_known_end() -> None:
    for status in (None, 0, 9):
        (adoption,) = _decide(_task(), note=_note(status=status)).adopted
        assert adoption == Adoption(_task(), _PROCESS, status)


def test_a_process_of_an_earlier_boot_is_not_searched() -> None:
    found = _decide(_task(), note=_note("b006"), marked=(Entry(9, 5, 1, 9, 0.0),))
    assert found.lost == {1: RESTARTED}
    assert not found.adopted
    assert not found.spared


def test_an_unrecorded_process_is_the_first_started_session_leader() -> None:
    marked = (
        Entry(410, 90, 1, 410, 0.0),  # a daemon of the job
        Entry(400, 80, 1, 400, 0.0),
        Entry(402, 79, 400, 400, 0.0),  # leads no session
    )
    (adoption,) = _decide(_task(), marked=marked).adopted
    assert adoption == Adoption(_task(), StartedProcess(400, 80, 80), in_doubt=True)


def _decide_start(
    *ended: NotedExit,
    has_output: bool = True,
    output_tells: bool = True,
    all_noted: bool = False,
    marked: Mapping[int, tuple[Entry, ...]] = {},
) -> Recovered:
    process = StartedProcess(0, 70, 70 if output_tells else 0)
    start = ProcessNote(1, process, "b007")
    outputs = frozenset({1} if has_output else ())
    found = Surroundings("b007", {1: start}, marked, outputs, ended, all_noted)
    key = "0123456789ab"
    memory = Memory(
        session_key=key, next_id=2, tasks=(_task(),), environments={1: _HERE}
    )
    return recover(memory, found, ("bash",))


def test_a_starting_task_is_the_process_recorded_by_its_keeper() -> None:
    exit_ = NotedExit(300, 71, 256)
    ended = Adoption(_task(), StartedProcess(300, 71, 71), 256)
    assert _decide_start(exit_, all_noted=True).adopted == (ended,)
    marked = replace(exit_, mark="main-0123456789ab:1")
    other = NotedExit(301, 71, 0, "main-0123456789ab:2")
    foreign = NotedExit(302, 71, 0, "main-ba9876543210:1")
    both = _decide_start(other, foreign, marked, all_noted=True)
    assert both.adopted == (ended,)


def test_a_starting_task_with_a_running_process_is_adopted() -> None:
    marked = {1: (Entry(400, 80, 1, 400, 0.0),)}
    process = StartedProcess(400, 80, 80)
    for all_noted in (False, True):
        found = _decide_start(marked=marked, all_noted=all_noted)
        assert found.adopted == (Adoption(_task(), process, in_doubt=not all_noted),)
    # The process has ended since the search.
    exit_ = NotedExit(400, 80, 9)
    (found,) = _decide_start(exit_, marked=marked, all_noted=True).adopted
    assert found == Adoption(_task(), StartedProcess(400, 80, 80), 9)


def test_an_older_output_file_is_no_evidence_of_a_start() -> None:
    exit_ = NotedExit(300, 71, 256)
    found = _decide_start(exit_, all_noted=True, output_tells=False)
    assert found.lost == {1: NEVER_KNOWN}
    marked = replace(exit_, mark="main-0123456789ab:1")
    (known,) = _decide_start(marked, all_noted=True, output_tells=False).adopted
    assert known.status == 256


def test_a_start_number_identifies_its_process() -> None:
    process = StartedProcess(0, 70, 70)
    tasks = (_task(1), _task(2), _task(3))
    now = Surroundings(
        "b007",
        {it: ProcessNote(it, process, "b007", None, 100 + it) for it in (1, 2, 3)},
        outputs=frozenset({1, 2, 3}),
        ended=(
            NotedExit(301, 71, 256, number=101),
            NotedExit(302, 71, 512, number=102),
            NotedExit(303, 71, 0, number=102),  # its child
        ),
        all_noted=True,
        numbered=(Candidate(304, 72, number=103),),  # has no mark yet, or none any more
    )
    memory = Memory(session_key="0123456789ab", next_id=4, tasks=tasks)
    found = [(it.process, it.status) for it in recover(memory, now, ("bash",)).adopted]
    assert found == [
        (StartedProcess(301, 71, 71), 256),
        (StartedProcess(302, 71, 71), 512),
        (StartedProcess(304, 72, 72), None),
    ]


def _decide_unseen(
    *ended: NotedExit,
    numbered: tuple[Candidate, ...] = (),
    others: frozenset[int] = frozenset(),
    number: int = 101,
    output_tells: bool = False,
    all_noted: bool = True,
) -> Recovered:
    """Decide on a start with an output file and without a known process."""
    process = StartedProcess(0, 70, 70 if output_tells else 0)
    note = ProcessNote(1, process, "b007", None, number)
    marked = {1: (Entry(390, 60, 1, 390, 0.0),)}  # left by an earlier attempt
    now = Surroundings(
        "b007", {1: note}, marked, frozenset({1}), ended, all_noted, numbered, others
    )
    memory = Memory(
        session_key="0123456789ab", next_id=2, tasks=(_task(),), environments={1: _HERE}
    )
    return recover(memory, now, ("bash",))


def test_a_start_number_without_a_process_means_no_start() -> None:
    begins = (Adoption(_task(), begins=True),)
    assert _decide_unseen().adopted == begins
    before = NotedExit(300, 69, 0)
    assert _decide_unseen(before, NotedExit(301, 70, 0, number=100)).adopted == begins

    # A process exists, or may exist.
    ended = NotedExit(300, 71, 256, number=101)
    (found,) = _decide_unseen(ended).adopted
    assert (found.begins, found.status) == (False, 256)
    (found,) = _decide_unseen(numbered=(Candidate(300, 71, number=101),)).adopted
    assert (found.begins, found.process) == (False, StartedProcess(300, 71, 71))
    for doubtful in (
        _decide_unseen(others=frozenset({101})),
        _decide_unseen(NotedExit(300, 71, 256, "main-0123456789ab:2")),
        _decide_unseen(number=0),
        _decide_unseen(all_noted=False),
        _decide_unseen(output_tells=True),
    ):
        assert not any(it.begins for it in doubtful.adopted)


def test_a_process_without_its_output_file_is_waited_for() -> None:
    start = ProcessNote(1, StartedProcess(0, 70, 70), "b007", None, 101)
    memory = Memory(
        session_key="0123456789ab", next_id=2, tasks=(_task(),), environments={1: _HERE}
    )
    now = Surroundings("b007", {1: start}, all_noted=True, others=frozenset({101}))
    assert recover(memory, now, ("bash",)).lost == {1: NEVER_KNOWN}
    leads = replace(now, numbered=(Candidate(300, 71, number=101),), others=frozenset())
    (found,) = recover(memory, leads, ("bash",)).adopted
    assert (found.begins, found.process) == (False, StartedProcess(300, 71, 71))


def test_an_attempt_whose_start_has_not_begun_is_started() -> None:
    between = ProcessNote(1, StartedProcess(0, 0, 0), "b007")
    marked = (Entry(390, 60, 1, 390, 0.0),)  # left by the previous attempt
    found = _decide(_task(), note=between, marked=marked)
    assert found.adopted == (Adoption(_task(), begins=True),)
    between = replace(between, boot="b006")
    assert _decide(_task(), note=between).lost == {1: RESTARTED}


def test_a_starting_task_is_unknown_if_its_exit_may_have_been_missed() -> None:
    assert _decide_start(NotedExit(300, 71, 256)).lost == {1: NEVER_KNOWN}
    assert _decide_start(all_noted=True).lost == {1: NEVER_KNOWN}


def test_a_task_about_to_start_is_started() -> None:
    stray = NotedExit(300, 71, 256)
    found = _decide_start(stray, has_output=False, all_noted=True)
    assert found.adopted == (Adoption(_task(), begins=True),)


def test_an_unknown_end_is_reported() -> None:
    assert _decide(_task()).lost == {1: NEVER_KNOWN}
    only_others = (Entry(402, 79, 1, 400, 0.0),)
    found = _decide(_task(), marked=only_others, has_output=False)
    assert found.lost == {1: NEVER_KNOWN}
    assert not found.spared


def test_a_task_that_never_started_is_started_if_possible() -> None:
    assert _decide(_task(), has_output=False).adopted == (
        Adoption(_task(), begins=True),
    )
    found = _decide(_task(), has_output=False, environment=False)
    assert found.lost == {1: NEVER_STARTED}
    stopping = _task(reason="stopping, canceled by you")
    found = _decide(stopping, has_output=False)
    assert found.lost == {1: Outcome.canceled("canceled by you")}


def test_a_kind_without_processes_continues_if_it_can() -> None:
    assert _decide(_task(kind="sleep")).adopted == (Adoption(_task(kind="sleep")),)
    found = _decide(_task(kind="fax"))
    assert found.lost[1].reason == "the session ended while it ran"


def test_no_job_continues_without_adoption() -> None:
    found = _decide(_task(), note=_note(), adopting=())
    assert found == Recovered(lost=found.lost)
    assert found.lost[1].reason == "the session ended while it ran"


def test_processes_left_running_continue_unless_the_journal_lost_their_tasks() -> None:
    done = _task(1).ended(Outcome.complete(), _NOON, 1.0)
    memory = Memory(session_key="0123456789ab", next_id=3, tasks=(done,))
    marked = {it: (Entry(400 + it, 80, 1, 9, 0.0),) for it in (1, 2, 7)}
    now = Surroundings("b007", {}, marked)

    found = recover(memory, now, ("bash",))
    assert found.spared == {1, 2}  # task 2 has left the history
    assert found.left == {1: (Process(401, 80),), 2: (Process(402, 80),)}
    assert recover(memory, now, ("bash",), lost=True).spared == {1}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["bash", "sleep", "fax"]),
            st.sampled_from([None, "b006", "b007"]),
            st.booleans(),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_every_running_task_continues_or_has_ended_with_its_own_process(
    cases: list[tuple[str, str | None, bool, bool, bool]],
) -> None:
    tasks = tuple(_task(n, kind) for n, (kind, *_) in enumerate(cases, 1))
    notes: dict[int, ProcessNote] = {}
    marked: dict[int, tuple[Entry, ...]] = {}
    for n, (_, boot, is_marked, _, _) in enumerate(cases, 1):
        if boot is not None:
            notes[n] = ProcessNote(n, StartedProcess(100 + n, 5, 6), boot)
        if is_marked:
            marked[n] = (Entry(100 + n, 5, 1, 100 + n, 0.0),)
    outputs = frozenset(n for n, it in enumerate(cases, 1) if it[3])
    known = {n: _HERE for n, it in enumerate(cases, 1) if it[4]}
    memory = Memory(
        session_key="0123456789ab",
        next_id=len(tasks) + 1,
        tasks=tasks,
        environments=known,
    )
    now = Surroundings("b007", notes, marked, outputs)

    found = recover(memory, now, ("bash", "sleep"))

    adopted = {it.task.id: it for it in found.adopted}
    assert adopted.keys() | found.lost.keys() == {it.id for it in tasks}
    assert not adopted.keys() & found.lost.keys()
    assert all(it.status is not TaskStatus.COMPLETE for it in found.lost.values())
    pids = [it.process.pid for it in found.adopted if it.process is not None]
    assert len({*pids}) == len(pids)
    for task_id, it in adopted.items():
        # No task runs twice.
        assert not it.begins or task_id not in outputs | marked.keys() | notes.keys()
        assert it.begins or task_id in found.spared
    assert not found.spared & found.lost.keys()
