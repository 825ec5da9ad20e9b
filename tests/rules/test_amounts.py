from __future__ import annotations

import math

import pytest
from backburner.actors import Terms
from backburner.actors.rules.amounts import parse_cpus, parse_memory, parse_pids

BAD = ["", " ", "-1", "2GG", "two", "٣", "1e3", "0x10", "nan", "inf", "1 2", "½", "\0"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 << 30),
        ("2g", 2 << 30),
        ("2GiB", 2 << 30),
        ("1.5M", 3 << 19),
        ("512 MB", 512 << 20),
        ("1048576", 1 << 20),
    ],
)
def test_memory_sizes_are_parsed(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", [*BAD, "0", "1K", "9" * 15 + "T", "9" * 400])
def test_bad_memory_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="memory") as refused:
        parse_memory(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("text", "cpus"), [("1", 1), ("0.5", 0.5), (".5", 0.5)])
def test_processor_counts_are_parsed(text: str, cpus: float) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", [*BAD, "0", "0.001", "99999", "9" * 400])
def test_bad_processors_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"cpus|processors") as refused:
        parse_cpus(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", [*BAD, "0", "1.5", "9" * 400])
def test_bad_numbers_of_processes_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"pids|processes") as refused:
        parse_pids(text)
    assert len(str(refused.value)) < 200


def test_terms_with_invalid_limits_are_refused() -> None:
    assert Terms(memory=1).problem() == "memory must be from 1 MiB to 1024 TiB"
    assert Terms(cpus=math.nan).problem() == "cpus must be from 0.01 to 10000"
    assert Terms(pids=0).problem() == "pids must be from 1 to 4194304"
    assert Terms(memory=1 << 30, cpus=1.5, pids=9).problem() is None


def test_a_repeated_task_has_the_same_limits() -> None:
    terms = Terms(memory=1 << 30, cpus=1.5, pids=9)
    assert terms.again == terms
    assert terms.has_limits
    assert not Terms(priority=1).has_limits
