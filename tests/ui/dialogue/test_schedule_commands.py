"""Schedules that are added, listed and removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from backburner.actors import (
    AddSchedule,
    Schedule,
    SchedulesChanged,
    SchedulesFound,
    Subscribed,
    TaskRequest,
)
from backburner.actors.runtime import zones
from backburner.ui.dialogue.schedule_reports import every_text
from msgspec.structs import replace

from tests.ui.dialogue.talk import ask, number_of, requests_in, texts_of, the_request

if TYPE_CHECKING:
    import pytest
    from backburner.ui.dialogue.dialogue import Dialogue


_MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _schedule(**changes: object) -> Schedule:
    schedule = Schedule(
        id=1,
        request=TaskRequest("Look \x1b[31maround", "bash", ("ls",)),
        every="15m",
        zone="UTC",
        made_at=_MADE,
        since=_MADE,
        next_due=datetime.now(UTC) + timedelta(seconds=252.5),
    )
    return replace(schedule, **changes)


def test_a_schedule_uses_the_time_zone_of_the_program(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zones, "local_zone", lambda: "Europe/Berlin")
    asked = the_request(
        dialogue.take_line('/task --every "0 9 * * *" Look bash ls', where="notes")
    )
    assert isinstance(asked, AddSchedule)
    assert (asked.every, asked.zone) == ("0 9 * * *", "Europe/Berlin")
    assert asked.request == TaskRequest("Look", "bash", ("ls",), "notes")
    (line,) = texts_of(
        dialogue.take_reply(SchedulesFound((_schedule(),), number_of(asked)))
    )
    assert line.startswith("schedule 1: Look around, every 15m, next in 4m ")


def test_a_rhythm_without_a_unit_is_shown_in_seconds() -> None:
    shown = [every_text(_schedule(every=it)) for it in ("5", "2m", "@daily")]
    assert shown == ["5s", "2m", "@daily UTC"]


def test_an_unnamed_time_zone_must_be_given(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise ValueError("can't find out the local time zone; give one")

    monkeypatch.setattr(zones, "local_zone", nameless)
    line = '/task --every "0 9 * * *" Look bash ls'
    *_, problem = texts_of(dialogue.take_line(line))
    assert problem == ("! can't find out the local time zone; give one: --zone NAME")
    assert requests_in(dialogue.take_line("/task --every 15m Look bash ls"))


def test_schedules_are_listed_and_removed(dialogue: Dialogue) -> None:
    cron = _schedule(
        id=2,
        every="0 9 * * *",
        zone="Europe/Berlin",
        paused=True,
        last_task=7,
        runs=3,
        skipped=1,
        note="#7 had not ended",
    )
    header, first, second = ask(
        dialogue, "/schedules", SchedulesFound((_schedule(), cron))
    )
    assert header.startswith("ID  Every ")
    assert header.endswith(" Last  Runs  Description")
    assert first.split()[:5] == ["1", "15m", "in", "4m", "13s"]
    assert second.startswith("2   0 9 * * * Europe/Berlin  paused ")
    assert second.endswith("#7    3     Look around  1 skipped: #7 had not ended")
    assert ask(dialogue, "/schedules", SchedulesFound(())) == ["No schedules."]
    gone = SchedulesFound((cron,))
    assert ask(dialogue, "/unschedule 2", gone) == [
        "removed schedule 2: Look around, every 0 9 * * * Europe/Berlin"
    ]
    assert ask(dialogue, "/pause --schedule 2", gone)[0].endswith(", paused")


def test_schedules_are_available_for_completion(dialogue: Dialogue) -> None:
    first, second = _schedule(), _schedule(id=2)
    dialogue.take_notification(Subscribed(0, (), schedules=(first,)))
    assert dialogue.take_notification(SchedulesChanged((second,))) == []
    assert dialogue.schedules == (first, second)
    dialogue.take_notification(SchedulesChanged((), (1,)))
    assert dialogue.schedules == (second,)
