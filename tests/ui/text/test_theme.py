from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
import wcwidth
from backburner.actors import TaskStatus
from backburner.ui.text.theme import (
    ASCII_ICONS,
    UNICODE_ICONS,
    Icons,
    clock_text,
    duration_text,
    icons_for,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0.0s"),
        (0.04, "0.0s"),
        (0.3, "0.3s"),
        (41.24, "41.2s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (60, "1m 00s"),
        (65.4, "1m 05s"),
        (3599.4, "59m 59s"),
        (3599.6, "1h 00m"),
        (2 * 3600 + 3 * 60, "2h 03m"),
        (100 * 3600, "100h 00m"),
    ],
)
def test_durations_are_written_for_people(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


_FORM = re.compile(r"(?:(\d+)h )?(?:(\d+)m)?(?: ?(\d+(?:\.\d)?)s)?")


@given(st.floats(0, 1e7))
def test_a_duration_is_right_to_its_last_digit(seconds: float) -> None:
    match = _FORM.fullmatch(duration_text(seconds))
    assert match is not None
    hours, minutes, rest = (float(part) for part in match.groups("0"))
    assert minutes < 60
    assert rest < 60
    precision = 61 if hours else 0.5 if minutes else 0.051
    assert hours * 3600 + minutes * 60 + rest == pytest.approx(seconds, abs=precision)


@pytest.mark.parametrize("icons", [UNICODE_ICONS, ASCII_ICONS])
def test_every_status_has_a_distinct_icon_of_one_cell(icons: Icons) -> None:
    signs = [icons.of(status) for status in TaskStatus]
    assert [wcwidth.wcswidth(sign) for sign in signs] == [1] * len(TaskStatus)
    assert len(set(signs)) == len(TaskStatus)
    assert {*signs, icons.paused, icons.awaits_input, icons.branch} == set(
        msgspec.structs.astuple(icons)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-16"])
def test_unicode_encodings_get_unicode_icons(encoding: str) -> None:
    assert icons_for(encoding) is UNICODE_ICONS


@pytest.mark.parametrize(
    "encoding", ["ascii", "US-ASCII", "latin-1", "cp1252", "cp437", None, "", "no-such"]
)
def test_other_encodings_get_icons_that_they_can_encode(encoding: str | None) -> None:
    assert icons_for(encoding) is ASCII_ICONS
    "".join(msgspec.structs.astuple(ASCII_ICONS)).encode("ascii")


@pytest.mark.usefixtures("utc")
def test_the_time_of_day_is_local() -> None:
    east = timezone(timedelta(hours=2))
    assert clock_text(datetime(2026, 1, 2, 9, 41, 59, tzinfo=UTC)) == "09:41"
    assert clock_text(datetime(2026, 1, 2, 9, 41, tzinfo=east)) == "07:41"
