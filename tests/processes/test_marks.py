from __future__ import annotations

import pytest
from backburner.actors.processes.marks import (
    MARK,
    is_of_session,
    mark,
    own_part,
    task_of,
)


def test_a_mark_names_session_and_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MARK, raising=False)
    assert mark("work-1f2e", 3) == "work-1f2e:3"
    assert own_part("work-1f2e:3") == "work-1f2e:3"


def test_a_mark_inside_a_mark_keeps_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, "outer-1:2,middle-2:5")
    inner = mark("inner-3", 7)
    assert inner == "outer-1:2,middle-2:5,inner-3:7"
    assert own_part(inner) == "inner-3:7"


@pytest.mark.parametrize(
    ("part", "belongs"),
    [
        ("work-1f2e:3", True),
        ("any-name-at-all-1f2e:12", True),
        ("1f2e:3", True),
        ("work-1f2ea:3", False),
        ("work-a1f2e:3", False),
        ("1f2e-work:3", False),
        ("work:1f2e", False),
        ("1f2e", False),
        ("", False),
    ],
)
def test_a_mark_belongs_to_the_session_with_its_key(
    part: str, *, belongs: bool
) -> None:
    assert is_of_session(part, "1f2e") is belongs


@pytest.mark.parametrize(
    ("part", "task_id"),
    [
        ("work-1f2e:3", 3),
        ("work-1f2e:9007199254740991", 9007199254740991),
        ("work-1f2e:", None),
        ("work-1f2e:-3", None),
        ("work-1f2e:\u0663", None),
        pytest.param(f"work-1f2e:{'9' * 5000}", None, id="longer than an int"),
    ],
)
def test_a_number_that_a_job_has_written_into_its_mark_is_no_error(
    part: str, task_id: int | None
) -> None:
    assert task_of(part) == task_id
