from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from backburner.actors import TaskChanged, TaskEvent, TaskStatus
from backburner.ui.chat.model.burst import GAP, LINES, Burst
from backburner.ui.chat.model.conversations import Conversation, Conversations
from backburner.ui.chat.model.transcript import LIMIT, Started, TranscriptItems
from backburner.ui.chat.views.transcript import scrolled, transcript_rows
from backburner.ui.dialogue.entries import Said, TaskNews
from backburner.ui.text.theme import Look
from chat_driver import ended, queued, row_text, running
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOOK = Look.of("utf-8", 256, light=False)


def news(task_id: int, status: TaskStatus, at: float) -> TaskNews:
    make = {TaskStatus.QUEUED: queued, TaskStatus.RUNNING: running}
    maker = make.get(status)
    task = maker(task_id) if maker else ended(task_id, status=status)
    change = TaskChanged(1, TaskEvent.of(status), task)
    return TaskNews(AT + timedelta(seconds=at), change)


def said(text: str, at: float = 0.0) -> Said:
    return Said(AT + timedelta(seconds=at), "you", text)


def shown(transcript: TranscriptItems) -> list[object]:
    return [item.shown for item in transcript.items]


def test_each_of_a_few_tasks_has_its_own_line() -> None:
    transcript = TranscriptItems()
    for task_id in range(1, LINES + 1):
        transcript.add(news(task_id, TaskStatus.COMPLETE, 0))
    assert len(transcript.items) == LINES


def test_many_tasks_share_one_line_that_keeps_counting() -> None:
    transcript = TranscriptItems()
    transcript.add(said("before"))
    for task_id in range(1, 41):
        transcript.add(news(task_id, TaskStatus.RUNNING, task_id / 100))
        transcript.add(news(task_id, TaskStatus.COMPLETE, task_id / 100))
    assert isinstance(shown(transcript)[0], Said)
    (burst,) = shown(transcript)[1:]
    assert isinstance(burst, Burst)
    assert burst.counts == ((TaskStatus.COMPLETE, 40),)


def test_a_pause_ends_a_burst() -> None:
    transcript = TranscriptItems()
    for task_id in range(1, 21):
        transcript.add(news(task_id, TaskStatus.COMPLETE, 0))
    late = news(99, TaskStatus.FAILED, GAP.total_seconds() + 0.1)
    transcript.add(late)
    assert shown(transcript)[-1] == late
    assert len(transcript.items) == 2


def test_a_message_starts_a_new_group() -> None:
    transcript = TranscriptItems()
    for task_id in range(1, 21):
        transcript.add(news(task_id, TaskStatus.COMPLETE, 0))
    transcript.add(said("look at that"))
    transcript.add(news(99, TaskStatus.FAILED, 0))
    assert [type(entry) for entry in shown(transcript)] == [Burst, Said, TaskNews]


def test_the_line_of_a_start_becomes_the_line_of_the_end_if_nothing_was_said() -> None:
    transcript = TranscriptItems()
    transcript.add(said("go"))
    transcript.add(news(1, TaskStatus.QUEUED, 0))
    transcript.add(news(1, TaskStatus.RUNNING, 0.1))
    transcript.add(news(1, TaskStatus.COMPLETE, 9))
    assert [type(entry) for entry in shown(transcript)] == [Said, TaskNews]


def test_a_start_above_a_message_is_marked_once_the_task_ends_below_it() -> None:
    transcript = TranscriptItems()
    transcript.add(news(1, TaskStatus.RUNNING, 0))
    transcript.add(said("meanwhile"))
    transcript.add(news(1, TaskStatus.COMPLETE, 9))
    assert [type(entry) for entry in shown(transcript)] == [Started, Said, TaskNews]


def test_a_burst_counts_only_tasks_without_news_further_down() -> None:
    transcript = TranscriptItems()
    for number in range(1, 21):
        transcript.add(news(number, TaskStatus.RUNNING, 0))
    transcript.add(said("meanwhile"))
    for number in range(1, 6):
        transcript.add(news(number, TaskStatus.COMPLETE, 9))
    burst = shown(transcript)[0]
    assert isinstance(burst, Burst)
    assert burst.counts == ((TaskStatus.RUNNING, 15),)
    assert burst.later == 5


@pytest.mark.parametrize("talk", ["", "/cancel --all"])
def test_a_burst_does_not_count_forgotten_tasks_as_open(talk: str) -> None:
    conversation = Conversation("main")
    transcript = conversation.transcript
    for number in range(1, 21):
        transcript.add(news(number, TaskStatus.QUEUED, 0))
    if talk:
        transcript.add(said(talk))
    transcript.forget(range(1, 5))
    transcript.add(news(5, TaskStatus.CANCELED, 0.5))
    burst = shown(transcript)[0]
    assert isinstance(burst, Burst)
    assert burst.counts == ((TaskStatus.QUEUED, 15),)
    assert (burst.gone, burst.later) == (4, 1)
    text = row_text(transcript_rows(conversation, LOOK, 100, 10)[0])
    assert text.endswith(
        "○ 15 tasks queued · 1 changed since, see below · 4 no longer in the history"
    )


def test_a_forgotten_task_without_news_of_its_end_stays_as_a_start() -> None:
    transcript = TranscriptItems()
    transcript.add(news(1, TaskStatus.QUEUED, 0))
    transcript.add(news(2, TaskStatus.COMPLETE, 0))
    transcript.forget([1, 2])
    assert [type(entry) for entry in shown(transcript)] == [Started, TaskNews]


def test_old_items_are_dropped_and_positions_stay_valid() -> None:
    transcript = TranscriptItems()
    for number in range(LIMIT + 10):
        transcript.add(said(str(number)))
    assert len(transcript.items) <= LIMIT
    assert transcript.find(1) == 0
    last = transcript.items[-1]
    assert transcript.items[transcript.find(last.serial)] == last


@given(
    st.lists(
        st.tuples(
            st.integers(1, 12),
            st.sampled_from(TaskStatus),
            st.floats(0, 1.5),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_the_last_status_of_every_task_is_shown(
    steps: list[tuple[int, TaskStatus, float, bool]],
) -> None:
    """The last entries show the last status of every task of the last group."""
    transcript = TranscriptItems()
    at = 0.0
    group: dict[int, TaskStatus] = {}
    for task_id, status, pause, speak in steps:
        if speak:
            transcript.add(said("x", at))
            group = {}
        elif pause > GAP.total_seconds():
            group = {}
        at += 0 if speak else pause
        transcript.add(news(task_id, status, at))
        group[task_id] = status
        tail = shown(transcript)[-1 if len(group) > LINES else -len(group) :]
        counts: dict[TaskStatus, int] = {}
        for entry in tail:
            if isinstance(entry, Burst):
                counts = dict(entry.counts)
            elif isinstance(entry, TaskNews):
                found = entry.change.task.status
                counts[found] = counts.get(found, 0) + 1
        assert counts == {s: [*group.values()].count(s) for s in group.values()}


@given(
    texts=st.lists(st.text("ab \n", max_size=80), min_size=1, max_size=40),
    moves=st.lists(st.integers(-30, 30), max_size=12),
    columns=st.integers(1, 60),
    height=st.integers(1, 20),
)
def test_scrolling_moves_by_the_given_rows_and_stops_at_the_ends(
    texts: list[str], moves: list[int], columns: int, height: int
) -> None:
    conversation = Conversation("main")
    for text in texts:
        conversation.transcript.add(said(text))
    everything = transcript_rows(conversation, LOOK, columns, 10_000)
    top = max(0, len(everything) - height)
    last_top = top
    for move in moves:
        conversation.place = scrolled(conversation, LOOK, columns, height, move)
        top = max(0, min(top + move, last_top))
        if conversation.place is None:
            assert top == last_top
            expected = everything[-height:]
        else:
            assert top < last_top
            expected = everything[top : top + max(1, height - 1)]
        rows = transcript_rows(conversation, LOOK, columns, height)
        assert rows[: len(expected)] == expected


def test_the_scroll_position_holds_while_news_arrive() -> None:
    conversation = Conversation("main")
    for number in range(50):
        conversation.transcript.add(said(f"note {number}"))
    conversation.place = scrolled(conversation, LOOK, 40, 10, -20)
    before = transcript_rows(conversation, LOOK, 40, 10)
    for number in range(3):
        conversation.transcript.add(said(f"new {number}"))
    after = transcript_rows(conversation, LOOK, 40, 10)
    assert after[:-1] == before[:-1]
    assert row_text(after[-1]).strip() == "↓ 3 new · End"


@pytest.mark.parametrize("rows", [-1, 1])
def test_a_transcript_that_fits_does_not_scroll(rows: int) -> None:
    conversation = Conversation("main")
    conversation.transcript.add(said("only this"))
    assert scrolled(conversation, LOOK, 40, 10, rows) is None


def rows_of(conversation: Conversation, height: int) -> list[str]:
    rows = transcript_rows(conversation, LOOK, 60, height)
    return [row_text(row).strip(" ─") for row in rows]


def test_a_transcript_of_one_day_shows_no_date() -> None:
    conversation = Conversation("main")
    conversation.transcript.add(said("one"))
    conversation.transcript.add(said("two", 60.0))
    assert [row[-3:] for row in rows_of(conversation, 9)] == ["one", "two"]


@pytest.mark.parametrize("days", [0, 1])
def test_a_message_of_an_earlier_day_shows_its_date(days: int) -> None:
    conversations = Conversations()
    now = AT + timedelta(days=days)
    earlier = TranscriptItems()
    for text in ("one", "two"):
        earlier.add(said(text))
    conversations.put_before({"main": earlier}, {})
    conversations.current.restored_at = now
    rows = rows_of(conversations.current, 9)
    assert rows[:-2] == [f"{AT.astimezone():%A, %-d %B}"] * days
    assert [row[-3:] for row in rows[-2:]] == ["one", "two"]


def test_each_of_several_days_is_named_once() -> None:
    conversation = Conversation("main")
    day = timedelta(days=1).total_seconds()
    for text, at in (("one", 0.0), ("two", 60.0), ("three", day), ("four", 2 * day)):
        conversation.transcript.add(said(text, at))
    days = [f"{(AT + timedelta(days=n)).astimezone():%A, %-d %B}" for n in range(3)]
    rows = rows_of(conversation, 9)
    assert [rows[0], rows[3], rows[5]] == days
    assert [row.split()[-1] for row in (*rows[1:3], rows[4], rows[6])] == [
        "one",
        "two",
        "three",
        "four",
    ]
    conversation.place = scrolled(conversation, LOOK, 60, 4, -2)
    assert rows_of(conversation, 4)[2] == days[1]
