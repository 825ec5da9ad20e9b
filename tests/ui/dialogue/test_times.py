from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.ui.dialogue.arguments import UsageError
from backburner.ui.dialogue.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


NOON = utc(2026, 1, 5, 11, 0)  # 12:00 in Berlin


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("18:30", utc(2026, 1, 5, 17, 30)),
        ("today 18:30", utc(2026, 1, 5, 17, 30)),
        ("9:00", utc(2026, 1, 6, 8, 0)),
        ("12:00", utc(2026, 1, 6, 11, 0)),
        ("tomorrow 9:00:05", utc(2026, 1, 6, 8, 0, 5)),
        ("2026-07-01 9:00", utc(2026, 7, 1, 7, 0)),
        ("2026-07-01T09:00", utc(2026, 7, 1, 7, 0)),
    ],
)
def test_times_are_local(text: str, moment: datetime) -> None:
    assert parse_time(text, NOON) == moment


def test_times_are_correct_on_days_when_the_clocks_change() -> None:
    spring = utc(2026, 3, 28, 12, 0)
    assert parse_time("tomorrow 9:00", spring) == utc(2026, 3, 29, 7, 0)
    # There is no 2:30: the clock jumps from 2:00 to 3:00.
    assert parse_time("tomorrow 2:30", spring) == utc(2026, 3, 29, 1, 30)
    autumn = utc(2026, 10, 24, 12, 0)
    assert parse_time("tomorrow 9:00", autumn) == utc(2026, 10, 25, 8, 0)
    # There are two 2:30; the first one counts.
    assert parse_time("tomorrow 2:30", autumn) == utc(2026, 10, 25, 0, 30)


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "9", "9:60", "2026-13-01 9:00", "x 9:00", "1 2 9:00"]
)
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time; write 18:30"):
        parse_time(text, NOON)


def test_a_past_day_is_refused() -> None:
    with pytest.raises(UsageError, match="is in the past"):
        parse_time("2026-01-05 9:00", NOON)
