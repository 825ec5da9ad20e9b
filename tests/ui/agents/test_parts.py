"""The parts of the server that need no process: lines, patterns, output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors.host.version import program_version
from backburner.ui.agents.loop import Loop
from backburner.ui.agents.output import marked, read_end, read_on
from backburner.ui.agents.search import Found, Search, pattern_problem
from backburner.ui.agents.session import origin_of
from backburner.ui.agents.wire_lines import LineReader
from backburner.ui.program.policy import matching
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


@given(st.lists(st.binary(max_size=20)), st.integers(1, 12))
def test_lines_do_not_depend_on_how_the_bytes_are_split(
    pieces: list[bytes], longest: int
) -> None:
    data = b"".join(pieces) + b"\n"
    whole, parts = LineReader(longest), LineReader(longest)
    expected = [
        None if len(it) > longest else it.strip()
        for it in data.split(b"\n")
        if len(it) > longest or it.strip()
    ]
    assert whole.feed(data) == expected
    assert [it for piece in [*pieces, b"\n"] for it in parts.feed(piece)] == expected


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        " git  push origin main",
        "cd x && git push",
        "true; git push -f",
        "(git push)",
        "echo $(git push)",
        "A=1 B=2 git push",
        "make\ngit push",
    ],
)
def test_a_pattern_is_compared_with_each_command(command: str) -> None:
    assert matching(("sudo *", "git push*"), command) == "git push*"


@pytest.mark.parametrize(
    "command", ["echo git push", "git pull", "git A=1 push", "git", ""]
)
def test_a_pattern_matches_a_whole_command(command: str) -> None:
    assert matching(("git push*", "sudo *"), command) is None


def test_output_is_read_in_whole_lines_and_characters(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    assert read_on(path, 0, 100).text == read_end(path, 100).text == ""
    path.write_text("one\ntwo\nthree\n")
    part = read_on(path, 0, 6)
    assert (part.text, part.cursor, part.size) == ("one", 4, 14)
    assert read_on(path, 4, 100, lines=1).text == "two"
    assert read_on(path, 14, 100).text == ""
    assert read_on(path, 99, 100).text == "one\ntwo\nthree"  # it was emptied meanwhile
    assert read_end(path, 8).text == "three"
    assert read_end(path, 100, lines=2).text == "two\nthree"
    path.write_text("ü" * 10)
    part = read_on(path, 0, 5)
    assert (part.text, part.cursor) == ("üü", 4)
    assert read_end(path, 4).text == "üü"


def test_the_markers_around_output_cannot_be_guessed() -> None:
    assert marked("it", "text") != marked("it", "text")


def search(path: Path, pattern: str, **given: int | None) -> Found:
    """Run a search; return its result."""
    found: list[Found | None] = []

    def done(it: Found | None) -> None:
        found.append(it)
        loop.stop()

    loop = Loop()
    options: dict[str, int | None] = {"cursor": 0, "limit": 1000, "head": None}
    options |= {"tail": None} | given
    Search(loop, done).grep(7, path, pattern, **options)  # pyright: ignore[reportArgumentType]
    loop.run()
    assert found[0] is not None
    return found[0]


def test_a_search_continues_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    assert search(path, "x") == Found(7, [], 0, 0)
    path.write_text("".join(f"line {n}\n" for n in range(100)) + "the end")
    size = path.stat().st_size
    assert search(path, "the") == Found(7, ["the end"], size, size)
    first = search(path, "5", head=2)
    assert first.lines == ["line 5", "line 15"]
    assert search(path, "5", cursor=first.cursor, head=1).lines == ["line 25"]
    small = search(path, "line", limit=16)
    assert small.lines == ["line 0", "line 1"]
    assert search(path, "line", tail=2).lines == ["line 98", "line 99"]
    path.write_bytes(b"\x1b[31mred\x1b[0m\n" + b"y" * 700_000 + b"x\n")
    assert search(path, "^red$").lines == ["red"]
    (long,) = search(path, "x$").lines
    assert len(long) < 3000


def test_a_long_search_answers_with_the_position_to_continue_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.log"
    path.write_text("line\n" * 200_000 + "needle\n")
    monkeypatch.setattr("backburner.ui.agents.search.TIME", 0)
    cursor, parts = 0, list[Found]()
    while cursor < path.stat().st_size:
        parts.append(search(path, "needle", cursor=cursor))
        assert parts[-1].cursor > cursor
        cursor = parts[-1].cursor
    assert len(parts) > 2
    assert [it.lines for it in parts if it.lines] == [["needle"]]


def test_a_stopped_search_returns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text("x\n")
    loop = Loop()
    reports: list[object] = []
    it = Search(loop, reports.append)
    it.follow({1: path}, "nothing", 0, once=False)
    it.stop()
    it.stop()
    loop.call_later(0, loop.stop)
    loop.run()
    assert reports == []


def test_an_invalid_expression_is_named() -> None:
    assert pattern_problem("a+") is None
    assert "is not a regular expression" in (pattern_problem("(x") or "")


def test_an_agent_is_named_safely() -> None:
    assert origin_of("claude-code") == "agent:claude-code"
    assert origin_of(" \x1b[2J\n") == "agent:unnamed"
    assert len(origin_of("x" * 1000)) < 60


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version  # noqa: PLC0415 - what it stands for

    assert program_version() == version("backburner")


def test_timers_fire_in_order_unless_they_are_canceled() -> None:
    loop = Loop()
    fired: list[str] = []
    loop.call_later(0.02, loop.stop)
    loop.call_later(0.01, lambda: fired.append("late"))
    loop.call_later(0, lambda: fired.append("soon"))
    loop.call_later(0, lambda: fired.append("never")).cancel()
    loop.run()
    assert fired == ["soon", "late"]
