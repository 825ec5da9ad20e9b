"""The processes of tasks whose program was killed during their start."""

from __future__ import annotations

from backburner.actors.session.starts import Candidate, by_number, identify
from hypothesis import given
from hypothesis import strategies as st


def test_a_single_candidate_is_the_process() -> None:
    ended = Candidate(400, 80, status=7 << 8)
    assert identify({1: 80}, [ended, Candidate(390, 79, status=0)]) == {1: ended}


def test_a_process_with_the_mark_of_another_task_is_not_the_process() -> None:
    ended = Candidate(400, 80, status=7 << 8)
    assert identify({1: 80}, [ended, Candidate(401, 80, 2)]) == {1: ended}


def test_the_last_unassigned_process_belongs_to_the_last_task() -> None:
    first, second = Candidate(400, 80, 1, status=0), Candidate(401, 80, status=256)
    assert identify({1: 80, 2: 80}, [first, second]) == {1: first, 2: second}


def test_the_first_process_with_the_mark_is_chosen_over_its_children() -> None:
    first, daemon = Candidate(400, 80, 1, status=256), Candidate(402, 80, 1)
    assert identify({1: 80}, [daemon, first]) == {1: first}
    later = Candidate(410, 81, status=0)
    assert identify({1: 80}, [daemon, later, first]) == {1: first}


def test_a_process_that_may_be_older_leaves_a_doubt() -> None:
    daemon = Candidate(402, 80, 1)
    for unmarked in (Candidate(400, 80, status=0), Candidate(32_000, 80, status=0)):
        assert identify({1: 80}, [daemon, unmarked]) == {}


def test_two_processes_with_the_same_end_are_interchangeable() -> None:
    both = [Candidate(400, 80, status=0), Candidate(401, 80, status=0)]
    assert {*identify({1: 80, 2: 80}, both).values()} == {*both}
    differ = [Candidate(400, 80, status=0), Candidate(401, 80, status=9)]
    assert identify({1: 80, 2: 80}, differ) == {}


def test_the_number_of_a_start_identifies_its_process_among_others_of_that_moment() -> (
    None
):
    daemon = Candidate(402, 80, number=7)
    first = Candidate(400, 80, status=256, number=7)
    other = Candidate(399, 80, status=0, number=8)
    found = by_number({1: 7, 2: 8, 3: 9}, [daemon, other, first, Candidate(398, 80)])
    assert found == {1: first, 2: other}


def test_a_start_number_leaves_a_doubt_after_ids_restarted() -> None:
    both = [Candidate(400, 80, number=7), Candidate(32_000, 80, number=7)]
    assert by_number({1: 7}, both) == {}


@st.composite
def _histories(
    draw: st.DrawFn,
) -> tuple[dict[int, int], dict[int, Candidate], list[Candidate]]:
    """Draw starting tasks, their processes and unrelated processes."""
    count = draw(st.integers(1, 4))
    pids = iter(range(300, 400))
    starts: dict[int, int] = {}
    first: dict[int, Candidate] = {}
    others: list[Candidate] = []
    born = 50
    status = st.sampled_from([None, 0, 256, 512])

    def one(task_id: int) -> Candidate:
        ended = draw(status)
        seen = ended is None or draw(st.booleans())
        return Candidate(next(pids), born, task_id if seen else None, ended)

    for task_id in draw(st.permutations(range(1, count + 1))):
        starts[task_id] = born - draw(st.integers(0, 1))
        first[task_id] = one(task_id)
        born += draw(st.integers(0, 1))
        others += [one(task_id) for _ in range(draw(st.integers(0, 2)))]
        others += [one(99) for _ in range(draw(st.integers(0, 1)))]
    return starts, first, others


@given(_histories())
def test_an_identified_process_has_the_true_status(
    history: tuple[dict[int, int], dict[int, Candidate], list[Candidate]],
) -> None:
    starts, first, others = history
    for task_id, found in identify(starts, [*first.values(), *others]).items():
        assert found.status == first[task_id].status
        assert found == first[task_id] or found.status is not None
