"""The times of schedules, against a naive model that looks at every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from backburner.actors.rules.rhythm import MOST_CAUGHT_UP, ON_TIME, CatchUp, Due, Rhythm
from hypothesis import example, given, settings
from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)
BERLIN = "Europe/Berlin"  # clocks go forward at 2:00 on 2026-03-29, back on 2026-10-25
# Not Lord Howe, which shifts by half an hour: cronsim counts in whole hours.
ZONES = ("UTC", BERLIN, "America/New_York", "America/St_Johns", "Pacific/Auckland")


def at(text: str, zone: str = BERLIN, fold: int = 0) -> datetime:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return local.astimezone(UTC)


def times(every: str, zone: str, start: datetime, count: int) -> list[datetime]:
    rhythm, found = Rhythm(every, zone), [start]
    for _ in range(count):
        found.append(rhythm.first_after(found[-1]))
    return found[1:]


# A naive model of cron: it checks each minute against the local time.


def is_named(local: datetime, fields: tuple[set[int] | None, ...]) -> bool:
    minute, hour, day, month, weekday = fields
    days = [
        it
        for it in (
            None if day is None else local.day in day,
            None if weekday is None else local.isoweekday() % 7 in weekday,
        )
        if it is not None
    ]
    return (
        (minute is None or local.minute in minute)
        and (hour is None or local.hour in hour)
        and (month is None or local.month in month)
        # With both, one match is enough.
        and (not days or any(days))
    )


def naive_times(
    fields: tuple[set[int] | None, ...], zone: str, start: datetime, minutes: int
) -> list[datetime]:
    """Return all times within so many minutes after a start on a whole minute."""
    tz = ZoneInfo(zone)
    by_the_clock = fields[0] is not None and fields[1] is not None
    if not by_the_clock:
        # Every so many minutes or hours: at each match of the local time, twice in a
        # repeated hour.
        return [
            moment
            for step in range(1, minutes + 1)
            if is_named((moment := start + step * MINUTE).astimezone(tz), fields)
        ]
    # Times of day: once a day. A time in a gap comes right after the gap.
    found: set[datetime] = set()
    local = start.astimezone(tz).replace(tzinfo=None) - timedelta(days=1)
    for step in range(minutes + 3 * 1440):
        wanted = local + step * MINUTE
        if is_named(wanted, fields):
            while True:
                moment = wanted.replace(tzinfo=tz).astimezone(UTC)
                if moment.astimezone(tz).replace(tzinfo=None) == wanted:
                    break
                wanted += MINUTE
            found.add(moment)
    end = start + minutes * MINUTE
    return sorted(it for it in found if start < it <= end)


def some(low: int, high: int) -> st.SearchStrategy[set[int] | None]:
    return st.none() | st.sets(st.integers(low, high), min_size=1, max_size=3)


FIELDS = st.tuples(
    some(0, 59),
    some(0, 4) | some(0, 23),
    some(1, 28),
    st.none() | st.just({3, 10}),
    some(0, 6),
)
# Around the days of a clock change in some zone.
DAYS = [(3, 28), (10, 24), (3, 7), (10, 31), (4, 4)]
STARTS = st.integers(0, 2880).flatmap(
    lambda minutes: st.sampled_from(
        [datetime(2026, *day, tzinfo=UTC) + minutes * MINUTE for day in DAYS]
    )
)


@given(fields=FIELDS, zone=st.sampled_from(ZONES), start=STARTS)
@example(
    ({30}, {2}, None, None, None), BERLIN, datetime(2026, 3, 28, tzinfo=UTC)
)  # skipped
@example(
    ({30}, {2}, None, None, None), BERLIN, datetime(2026, 10, 24, tzinfo=UTC)
)  # repeated
@example((None, {2}, None, None, None), BERLIN, datetime(2026, 10, 25, tzinfo=UTC))
@settings(max_examples=60, deadline=None)
def test_cron_expressions_mean_local_time(
    fields: tuple[set[int] | None, ...], zone: str, start: datetime
) -> None:
    text = " ".join("*" if it is None else ",".join(map(str, it)) for it in fields)
    minutes = 2 * 1440
    expected = naive_times(fields, zone, start, minutes)[:40]
    found: list[datetime] = []
    rhythm, moment = Rhythm(text, zone), start
    end = start + minutes * MINUTE
    while len(found) < 40 and (moment := rhythm.first_after(moment)) <= end:
        found.append(moment)
    assert found == expected


def test_a_time_in_a_clock_gap_is_due_right_after_the_gap() -> None:
    days = times("30 2 * * *", BERLIN, at("2026-03-28 00:00"), 3)
    assert days == [
        at("2026-03-28 02:30"),
        at("2026-03-29 03:00"),
        at("2026-03-30 02:30"),
    ]


def test_an_ambiguous_time_is_the_first_occurrence() -> None:
    days = times("30 2 * * *", BERLIN, at("2026-10-24 12:00"), 2)
    assert days == [at("2026-10-25 02:30"), at("2026-10-26 02:30")]
    again = Rhythm("30 2 * * *", BERLIN).first_after(at("2026-10-25 02:10", fold=1))
    assert again == at("2026-10-26 02:30")


def test_an_interval_runs_in_every_elapsed_hour() -> None:
    night = times("*/30 * * * *", BERLIN, at("2026-10-25 01:59"), 5)
    assert {b - a for a, b in pairwise(night)} == {30 * MINUTE}


def test_names_are_aliases_of_cron_expressions() -> None:
    assert times("@daily", "UTC", datetime(2026, 1, 1, 3, tzinfo=UTC), 1) == [
        datetime(2026, 1, 2, tzinfo=UTC)
    ]


# Due times


def naive_due(
    rhythm: Rhythm, next_due: datetime, now: datetime, catch_up: CatchUp
) -> Due:
    """Go through all due times."""
    come: list[datetime] = []
    while next_due <= now:
        come.append(next_due)
        next_due = rhythm.first_after(next_due)
    on_time = now - come[-1] <= timedelta(seconds=ON_TIME)
    runs = {
        CatchUp.ONCE: 1,
        CatchUp.ALL: min(len(come), MOST_CAUGHT_UP),
        CatchUp.SKIP: int(on_time),
    }[catch_up]
    return Due(runs, next_due)


@given(
    every=st.sampled_from(
        ["15m", "20s", "7h", "*/15 * * * *", "30 2 * * *", "0 */2 * * 1-5"]
    ),
    zone=st.sampled_from(ZONES),
    start=STARTS,
    late=st.integers(0, 120) | st.integers(0, 3 * 86400),
    catch_up=st.sampled_from(CatchUp),
)
@settings(max_examples=150, deadline=None)
def test_due_times_match_a_search_of_every_time(
    every: str, zone: str, start: datetime, late: int, catch_up: CatchUp
) -> None:
    rhythm = Rhythm(every, zone)
    next_due = rhythm.first_after(start)
    now = next_due + timedelta(seconds=late)
    due = rhythm.due(next_due, now, catch_up)
    assert due == naive_due(rhythm, next_due, now, catch_up)
    assert due.next_due > now


# A wrong clock


def test_setting_the_clock_back_a_little_repeats_no_run() -> None:
    rhythm, done = Rhythm("0 3 * * *", "UTC"), datetime(2026, 1, 2, 3, tzinfo=UTC)
    tomorrow = rhythm.first_after(done)
    assert rhythm.corrected(tomorrow, done, done - timedelta(hours=2)) is None


def test_correcting_a_clock_by_a_year_delays_no_run() -> None:
    wrong = datetime(2027, 1, 2, 3, tzinfo=UTC)
    right = datetime(2026, 1, 2, 3, tzinfo=UTC)
    daily, frequent = Rhythm("0 4 * * *", "UTC"), Rhythm("15m", "UTC")
    for rhythm in (daily, frequent):
        next_due = rhythm.first_after(wrong)
        assert rhythm.corrected(next_due, wrong, right) == rhythm.first_after(right)


# Invalid rhythms and zones


@pytest.mark.parametrize(
    ("every", "problem"),
    [
        ("", "not a schedule"),
        ("often", "not a schedule"),
        ("* * * *", "not a schedule"),
        ("* * * * * *", "not a schedule"),
        ("0.5s", "at least 1 second"),
        ("0", "at least 1 second"),
        ("61 * * * *", "Bad minute"),
        ("* * 31 2 *", "Bad day"),
        ("*/0 * * * *", "Bad minute"),
        ("@fortnightly", "use one of"),
        ("9" * 300, "too long"),
    ],
)
def test_an_invalid_rhythm_is_named(every: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        Rhythm(every, "UTC")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../../etc/passwd", "Europe", "\0"])
def test_an_invalid_time_zone_is_named(zone: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        Rhythm("15m", zone)
