from __future__ import annotations

from backburner.actors import TaskCounts, TaskStatus, Terms
from backburner.actors.testing import make_task
from backburner.ui.chat.model.board import LINGER, TaskBoard
from chat_driver import ended, queued, running
from hypothesis import given
from hypothesis import strategies as st


def test_the_age_of_a_running_task_follows_the_local_clock() -> None:
    board = TaskBoard()
    board.apply(running(1), 100.0)
    seen = board.find(1)
    assert seen is not None
    assert seen.duration(102.5) == 3.5
    board.apply(ended(1), 103.0)
    seen = board.find(1)
    assert seen is not None
    assert seen.duration(999.0) == 8.0


def test_a_task_that_ended_keeps_its_row_for_a_while() -> None:
    board = TaskBoard()
    board.apply(running(1), 0.0)
    board.apply(running(2), 0.0)
    board.apply(ended(1), 1.0)
    live, total = board.live(10, 1.0 + LINGER - 0.1)
    assert [seen.task.id for seen in live] == [1, 2]
    live, total = board.live(10, 1.0 + LINGER)
    assert [seen.task.id for seen in live] == [2]
    assert total == 1


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 20))
def test_running_tasks_are_shown_before_ended_and_queued_ones(
    done: int, going: int, waiting: int, limit: int
) -> None:
    board = TaskBoard()
    for task_id in range(1, done + 1):
        board.apply(ended(task_id), float(task_id) / 10)
    for task_id in range(11, 11 + going):
        board.apply(running(task_id), 1.0)
    for task_id in range(21, 21 + waiting):
        board.apply(queued(task_id), 1.0)
    live, total = board.live(limit, 1.0)
    shown = [seen.task.id for seen in live]
    assert total == done + going + waiting
    assert len(shown) == min(limit, total)
    assert shown == sorted(shown)
    first = [*range(11, 11 + going), *range(done, 0, -1), *range(21, 21 + waiting)]
    assert set(shown) == set(first[:limit])


def test_a_board_knows_whether_all_tasks_are_held_or_paused() -> None:
    board = TaskBoard()
    assert board.are_all_held()
    board.apply(make_task(1, terms=Terms(held=True)), 0.0)
    board.apply(make_task(2, terms=Terms(after=(1,))), 0.0)
    assert board.are_all_held()
    board.apply(make_task(1, "complete"), 1.0)
    assert not board.are_all_held()
    board.apply(make_task(2, "running", paused_at=running(1).started_at), 2.0)
    assert board.are_all_held()
    board.apply(make_task(2, "complete"), 3.0)
    board.forget([1, 2])
    assert board.are_all_held()


def test_a_task_that_ended_before_the_chat_opened_does_not_linger() -> None:
    board = TaskBoard()
    board.apply(ended(1), 0.0, old=True)
    assert board.live(10, 0.0) == ([], 0)
    assert not board.is_moving(0.0)


def test_the_list_shows_running_then_queued_then_recent_tasks() -> None:
    board = TaskBoard()
    for task in (ended(1), queued(2), running(3), ended(4), queued(5)):
        board.apply(task, 0.0)
    assert board.list_ids() == [3, 2, 5, 4, 1]
    assert board.list_ids("queued") == [2, 5]
    assert board.list_ids("#4 job") == [4]


def test_a_list_is_rebuilt_only_when_its_order_changes() -> None:
    board = TaskBoard()
    board.apply(running(1), 0.0)
    first = board.list_ids()
    board.apply(running(1, progress=50), 1.0)
    assert board.list_ids() is first
    board.apply(ended(1), 2.0)
    assert board.list_ids() is not first


@given(st.lists(st.tuples(st.integers(1, 8), st.sampled_from([*TaskStatus, None]))))
def test_counts_and_lists_agree_with_the_tasks(
    steps: list[tuple[int, TaskStatus | None]],
) -> None:
    board = TaskBoard()
    tasks: dict[int, TaskStatus] = {}
    for task_id, status in steps:
        if status is None:
            board.forget((task_id,))
            tasks.pop(task_id, None)
            continue
        make = {TaskStatus.QUEUED: queued, TaskStatus.RUNNING: running}.get(status)
        task = make(task_id) if make else ended(task_id, status=status)
        board.apply(task, 0.0)
        tasks[task_id] = status
    counts = {s.value: [*tasks.values()].count(s) for s in TaskStatus}
    assert board.counts == TaskCounts(**counts)
    assert sorted(board.list_ids()) == sorted(tasks)
    still_open = [i for i, status in tasks.items() if not status.is_final]
    assert board.open_count == len(still_open)
    _, total = board.live(100, 0.0)
    assert total >= len(still_open)
