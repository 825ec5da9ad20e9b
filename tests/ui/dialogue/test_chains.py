"""Tasks that wait for others, in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.actors import TaskCounts, TaskFilter, TaskList, TaskStatus, Terms
from backburner.actors.testing import make_task
from backburner.ui.dialogue.chains import (
    DEEPEST,
    chain_order,
    depths,
    in_chains,
    indented,
)
from backburner.ui.dialogue.task_lists import list_lines
from backburner.ui.text.cells import width
from backburner.ui.text.theme import ASCII_ICONS, UNICODE_ICONS
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from backburner.actors import Task

IDS = st.lists(st.integers(1, 12), unique=True)
OTHERS = st.dictionaries(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=3))


def waiting(task_id: int, *after: int, name: str = "Job") -> Task:
    return make_task(
        task_id,
        description=name,
        status=TaskStatus.QUEUED,
        reason="waits",
        terms=Terms(after=after),
    )


@given(ids=IDS, others=OTHERS)
def test_a_task_follows_the_last_task_that_it_waits_for(
    ids: list[int], others: dict[int, list[int]]
) -> None:
    def waits(task_id: int) -> list[int]:
        return others.get(task_id, [])

    order = chain_order(ids, waits)
    assert sorted(order) == sorted(ids)
    deep = depths(order, waits)
    first = [it for it in order if deep[it] == 0]
    assert first == [it for it in ids if deep[it] == 0]
    above: list[int] = []
    for task_id in order:
        parents = [it for it in waits(task_id) if it in ids and it < task_id]
        # The task above with less indentation is the one it waits for.
        del above[len(above) if deep[task_id] == DEEPEST else deep[task_id] :]
        if parents:
            assert max(parents) in above
        else:
            assert deep[task_id] == 0
        above.append(task_id)


def test_a_long_chain_is_ordered_quickly_and_its_indentation_is_limited() -> None:
    ids = [*range(1, 10_001)]
    order = chain_order(ids, lambda it: (it - 1,))
    assert order == ids
    assert max(depths(order, lambda it: (it - 1,)).values()) == DEEPEST


def test_a_list_draws_chains() -> None:
    tasks = (
        waiting(1, name="Build"),
        waiting(2, name="Other"),
        waiting(3, 1, name="Test"),
        waiting(4, 3, name="Deploy"),
        waiting(5, 1, name="Lint"),
        waiting(6, 99, name="Orphan"),
    )
    answer = TaskList(tasks, TaskCounts(queued=6))
    lines = list_lines(answer, TaskFilter.ALL, UNICODE_ICONS)
    at = lines[0].index("Description")
    assert [line[at:].split("  waits")[0].rstrip() for line in lines[1:-1]] == [
        "Build",
        "└ Test",
        "  └ Deploy",
        "└ Lint",
        "Other",
        "Orphan",
    ]
    plain = list_lines(answer, TaskFilter.ALL, ASCII_ICONS)
    assert all(line.isascii() for line in plain)
    assert "  ` Deploy" in plain[3]


def test_results_are_aligned_next_to_wide_characters() -> None:
    names = ("日本語", "abc", "漢字" * 30)
    tasks = tuple(waiting(number, 1, name=it) for number, it in enumerate(names, 2))
    lines = list_lines(TaskList(tasks, TaskCounts()), TaskFilter.ALL, UNICODE_ICONS)
    begins = {width(it.partition("waits")[0]) for it in lines[1:-1]}
    assert begins == {width(lines[0].partition("Result")[0])}


def test_filtered_out_tasks_do_not_indent_others() -> None:
    assert in_chains([waiting(3, 1)]) == [(waiting(3, 1), 0)]
    assert indented(0, "└") == ""
    assert indented(2, "└") == "  └ "
