from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors.rules.safe_text import safe_line
from backburner.ui.pager.pager import Pager
from backburner.ui.pager.search import STEP
from backburner.ui.text.cells import row_width
from backburner.ui.text.rows import Row, Style
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

ACTIONS: list[Callable[[Pager], object]] = [
    lambda pager: pager.scroll(-3),
    lambda pager: pager.scroll(2),
    lambda pager: pager.page(-1),
    lambda pager: pager.page(1),
    Pager.home,
    Pager.end,
    Pager.toggle_follow,
    Pager.toggle_wrap,
    lambda pager: pager.scroll_sideways(5),
    lambda pager: pager.scroll_sideways(-2),
    lambda pager: pager.search("a"),
    lambda pager: pager.search("日", forward=False),
    lambda pager: pager.search_again(forward=True),
    lambda pager: pager.search_again(forward=False),
    Pager.cancel_search,
    Pager.step,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


def write_lines(path: Path, count: int) -> None:
    path.write_text("".join(f"line {number}\n" for number in range(count)))


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def texts(rows: tuple[Row, ...]) -> list[str]:
    return ["".join(span.text for span in row) for row in rows]


def seen(pager: Pager, columns: int = 20, height: int = 3) -> list[str]:
    return texts(pager.rows(columns, height))


def find(pager: Pager) -> str:
    """Run a search to its end, and return the outcome."""
    for _ in range(1000):
        if not pager.step():
            return pager.status.message
    raise AssertionError("the search never ends")


def bytes_read() -> int:
    counters = Path("/proc/self/io").read_text("ascii")
    return int(counters.partition("rchar: ")[2].partition("\n")[0])


def test_the_pager_starts_at_the_end_and_follows(path: Path) -> None:
    write_lines(path, 10)
    pager = Pager(path)
    assert seen(pager) == ["line 7", "line 8", "line 9"]
    assert pager.status.following
    append(path, "new\nhalf a li")
    assert seen(pager) == ["line 9", "new", "half a li"]
    append(path, "ne\n")
    assert seen(pager) == ["line 9", "new", "half a line"]


def test_a_short_file_is_shown_from_the_top(path: Path) -> None:
    path.write_text("one\n\ntwo\n")
    pager = Pager(path)
    assert seen(pager, height=9) == ["one", "", "two"]
    assert pager.status.percent == 100


def test_scrolling_up_ends_following(path: Path) -> None:
    write_lines(path, 10)
    pager = Pager(path)
    seen(pager)
    pager.scroll(-2)
    assert seen(pager) == ["line 5", "line 6", "line 7"]
    append(path, "new\n")
    assert seen(pager) == ["line 5", "line 6", "line 7"]
    assert not pager.status.following
    pager.scroll(1)
    assert seen(pager) == ["line 6", "line 7", "line 8"]
    pager.end()
    assert seen(pager) == ["line 8", "line 9", "new"]


def test_home_end_and_page_keys_move_the_page(path: Path) -> None:
    write_lines(path, 10)
    pager = Pager(path)
    seen(pager)
    pager.home()
    assert seen(pager) == ["line 0", "line 1", "line 2"]
    assert pager.status.percent == 30
    pager.scroll(-5)
    pager.page(1)
    assert seen(pager) == ["line 2", "line 3", "line 4"]
    pager.page(-1)
    assert seen(pager) == ["line 0", "line 1", "line 2"]
    pager.page(99)
    assert seen(pager) == ["line 7", "line 8", "line 9"]
    pager.toggle_follow()
    append(path, "new\n")
    assert seen(pager)[-1] == "new"


def test_long_lines_wrap_and_are_scrolled_by_rows(path: Path) -> None:
    path.write_text("0123456789abcdefghij日\nend\n")
    pager = Pager(path)
    assert seen(pager, 10, 3) == ["abcdefghij", "日", "end"]
    pager.scroll(-1)
    assert seen(pager, 10, 3) == ["0123456789", "abcdefghij", "日"]


def test_without_wrap_lines_are_scrolled_sideways(path: Path) -> None:
    path.write_text("0123456789abcdefghij\nend\n")
    pager = Pager(path)
    pager.toggle_wrap()
    assert seen(pager, 10) == ["0123456789", "end"]
    pager.scroll_sideways(8)
    assert seen(pager, 10) == ["89abcdefgh", ""]
    pager.scroll_sideways(-20)
    assert pager.status.column == 0
    pager.scroll_sideways(3)
    pager.toggle_wrap()
    pager.scroll_sideways(3)
    assert seen(pager, 10) == ["0123456789", "abcdefghij", "end"]


def test_only_colours_are_kept_of_escape_sequences(path: Path) -> None:
    path.write_text("\x1b[31mred\x1b[0m \x1b]52;c;x\x07\x1b[2Jplain\r\n")
    (row,) = Pager(path).rows(40, 5)
    assert [(span.text, span.style) for span in row] == [
        ("red", Style(fg=1)),
        (" plain", Style()),
    ]


def test_a_colour_set_above_the_page_lasts_until_it_is_reset(path: Path) -> None:
    lines = ["\x1b[31mbegin", *(f"line {n}" for n in range(10)), "end\x1b[0m", "plain"]
    path.write_text("\n".join(lines))
    pager = Pager(path)
    red = Style(fg=1)
    styles = [span.style for row in pager.rows(40, 20) for span in row]
    assert styles == [red] * 12 + [Style()]
    styles = [span.style for row in pager.rows(40, 4) for span in row]
    assert styles == [red] * 3 + [Style()]


def test_a_narrower_window_keeps_the_position(path: Path) -> None:
    write_lines(path, 100)
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.scroll(50)
    assert seen(pager)[0] == "line 50"
    assert seen(pager, 3)[0] == "lin"


def test_search_goes_to_the_hit_and_shows_it(path: Path) -> None:
    write_lines(path, 1000)
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.search("line 500")
    assert pager.status.searching
    assert find(pager) == ""
    rows = pager.rows(20, 3)
    assert texts(rows) == ["line 499", "line 500", "line 501"]
    assert [span.style.reverse for span in rows[1]] == [True]
    assert not pager.status.following


def test_search_again_works_in_both_directions(path: Path) -> None:
    path.write_text("hit\nno\nhit\nno\nhit\n" + "no\n" * 10)
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.search("hit")
    tops: list[int] = []
    for forward in (True, True, False):
        find(pager)
        rows = pager.rows(20, 1)
        assert texts(rows) == ["hit"]
        tops.append(pager.status.percent)
        pager.search_again(forward=forward)
    find(pager)
    seen(pager, 20, 1)
    assert tops == sorted(tops)
    assert pager.status.percent == tops[1]


@pytest.mark.parametrize("forward", [True, False])
def test_search_again_wraps_around_and_says_so(path: Path, *, forward: bool) -> None:
    path.write_text("no\nhit one\nno\nhit two\nhit three\n" + "no\n" * 10)
    pager = Pager(path)
    seen(pager, 20, 1)
    pager.home()
    pager.search("hit")
    find(pager)
    order = ["hit one", "hit two", "hit three"]
    if not forward:
        order = [order[0], *reversed(order[1:])]
    round_at = 3 if forward else 1
    for number in range(1, 7):
        pager.search_again(forward=forward)
        assert bool(find(pager)) == (number % 3 == round_at % 3)
        assert seen(pager, 20, 1) == [order[number % 3]]


def test_the_only_hit_is_found_again(path: Path) -> None:
    path.write_text("x\n" * STEP + "needle\n" + "x\n" * STEP)
    pager = Pager(path)
    seen(pager)
    pager.search("needle", forward=False)
    for forward in (True, False, True):
        find(pager)
        assert "needle" in seen(pager)
        pager.search_again(forward=forward)
        assert pager.status.searching


def test_text_in_view_is_found_while_following(path: Path) -> None:
    write_lines(path, 50)
    with path.open("a") as file:
        file.write("ERROR here\nlast\n")
    pager = Pager(path)
    assert "ERROR here" in seen(pager)
    pager.search("error", forward=False)
    assert find(pager) == ""
    hits = [row for row in pager.rows(20, 10) if any(s.style.reverse for s in row)]
    assert texts(tuple(hits)) == ["ERROR here"]


def test_text_above_a_page_in_the_middle_is_found(path: Path) -> None:
    write_lines(path, 1000)
    pager = Pager(path)
    seen(pager)
    pager.page(-3)
    seen(pager)
    pager.search("line 77")
    assert "wrapped around" in find(pager)
    assert "line 77" in seen(pager)


def test_search_backward_starts_at_the_end(path: Path) -> None:
    write_lines(path, 100_000)
    pager = Pager(path)
    seen(pager)
    pager.search("line 7", forward=False)
    find(pager)
    assert "line 79999" in seen(pager)
    pager.search("line 8", forward=False)
    find(pager)
    assert "line 8999" in seen(pager)
    pager.search("line 77777", forward=False)
    assert "wrapped around" in find(pager)
    assert "line 77777" in seen(pager)
    pager.search("line 100000", forward=False)
    assert find(pager) == "not found: line 100000"


@pytest.mark.parametrize("forward", [True, False])
def test_a_hit_across_two_search_steps_is_found(path: Path, *, forward: bool) -> None:
    half = "x\n" * (STEP // 2 - 2)
    path.write_text(f"{half}a needle in it\n{half}")
    pager = Pager(path)
    seen(pager)
    if forward:
        pager.home()
    pager.search("needle", forward=forward)
    assert find(pager) == ""
    assert "a needle in it" in seen(pager)


def test_missing_text_is_not_found(path: Path) -> None:
    write_lines(path, 10)
    pager = Pager(path)
    before = seen(pager)
    pager.search("nothing like it")
    assert find(pager) == "not found: nothing like it"
    assert seen(pager) == before
    assert not pager.step()


def test_a_search_is_case_sensitive_only_with_capitals(path: Path) -> None:
    path.write_text("Error\nerror\nÄrger\n" + "x\n" * 9)
    pager = Pager(path)
    for query, hit in (("error", "Error"), ("Error", "Error"), ("ärger", "Ärger")):
        seen(pager, 20, 1)
        pager.home()
        pager.search(query)
        find(pager)
        assert seen(pager, 20, 1) == [hit]
    pager.search("ERROR")
    assert find(pager) == "not found: ERROR"


def test_search_matches_the_displayed_text_and_not_the_file(path: Path) -> None:
    path.write_text("pass\x1b[32med\x1b[0m\n10%\r20%\n" + "x\n" * 9)
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.search("passed")
    find(pager)
    assert seen(pager)[0] == "passed"
    pager.search("10%")
    assert find(pager) == "not found: 10%"


def test_a_hit_far_to_the_right_is_scrolled_into_view_without_wrap(path: Path) -> None:
    path.write_text("x" * 200 + "hit" + "y" * 200 + "\n")
    pager = Pager(path)
    pager.toggle_wrap()
    seen(pager)
    pager.search("hit")
    find(pager)
    assert "hit" in seen(pager)[0]


def test_a_hit_in_a_long_line_is_scrolled_into_view(path: Path) -> None:
    path.write_text("x" * 5000 + "hit" + "y" * 5000 + "\n")
    pager = Pager(path)
    seen(pager)
    pager.search("hit", forward=True)
    find(pager)
    pager.home()
    pager.search("hit")
    find(pager)
    assert any("hit" in text for text in seen(pager, 20, 5))


def test_a_search_can_be_aborted(path: Path) -> None:
    write_lines(path, 100_000)
    pager = Pager(path)
    seen(pager)
    pager.home()
    pager.search("line 99999")
    assert pager.step()
    pager.cancel_search()
    assert not pager.step()
    assert not pager.status.searching
    assert seen(pager)[0] == "line 0"


def test_an_empty_search_removes_the_highlights(path: Path) -> None:
    path.write_text("hit\n")
    pager = Pager(path)
    seen(pager)
    pager.search("hit")
    find(pager)
    pager.search("")
    assert pager.status.query == ""
    assert [span.style.reverse for span in pager.rows(20, 3)[0]] == [False]


def test_a_file_that_appears_later_is_shown(path: Path) -> None:
    pager = Pager(path)
    assert seen(pager) == []
    assert pager.status.message == "can't read the output: No such file or directory"
    pager.scroll(-1)
    pager.search("x")
    assert not pager.step()
    pager.end()
    path.write_text("one\n")
    assert seen(pager) == ["one"]
    assert pager.status.message == ""


def test_a_truncated_or_deleted_file_is_noticed(path: Path) -> None:
    write_lines(path, 100)
    pager = Pager(path)
    seen(pager)
    pager.scroll(-10)
    seen(pager)
    path.write_text("a\nb\n")
    assert seen(pager) == ["a", "b"]
    path.write_text("")
    assert seen(pager) == []
    assert pager.status.size == 0
    path.unlink()
    assert seen(pager) == []
    assert "No such file" in pager.status.message


def test_a_path_that_is_not_a_regular_file_does_not_block(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path):
        pager = Pager(path)
        seen(pager)
        pager.search("x")
        find(pager)


def test_a_huge_file_is_never_read_completely(path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(b"first\n")
        stream.truncate(10 << 30)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\nlast hit\n")
    pager = Pager(path)
    before = bytes_read()
    assert seen(pager, 80, 50)[-1] == "last hit"
    pager.page(-3)
    seen(pager, 80, 50)
    pager.home()
    assert seen(pager, 80, 50)[0] == "first"
    assert bytes_read() - before < 20 << 20
    pager.search("hit")
    before = bytes_read()
    assert pager.step()
    assert bytes_read() - before <= 4 * STEP
    pager.cancel_search()
    pager.end()
    seen(pager, 80, 50)
    pager.search("nowhere", forward=False)
    assert pager.step()


def test_an_endless_line_is_shown_in_parts(path: Path) -> None:
    path.write_bytes(b"x" * (3 << 20) + b"END")
    pager = Pager(path)
    before = bytes_read()
    assert seen(pager, 80, 3)[-1].endswith("END")
    pager.page(-1)
    assert set(seen(pager, 80, 3)[0]) == {"x"}
    pager.toggle_wrap()
    assert len(seen(pager, 80, 3)) == 3
    assert bytes_read() - before < 2 << 20


@given(
    st.lists(
        st.sampled_from(
            ["a", "日本", "\n", "\x1b[31m", "x" * 30, "\r", "\x1b]0;", "\t"]
        )
    ).map("".join),
    st.lists(st.sampled_from(ACTIONS), max_size=12),
    st.integers(1, 30),
    st.integers(1, 6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_page_fits_and_is_safe_after_any_action(
    path: Path,
    content: str,
    actions: list[Callable[[Pager], object]],
    columns: int,
    height: int,
) -> None:
    path.write_text(content)
    pager = Pager(path)
    for act in actions:
        rows = pager.rows(columns, height)
        act(pager)
    rows = pager.rows(columns, height)
    assert len(rows) <= height
    assert all(row_width(row) <= columns for row in rows)
    assert all(safe_line(text) == text for text in texts(rows))
    assert 0 <= pager.status.percent <= 100


@given(st.lists(st.text("ab日", max_size=30), max_size=30), st.integers(2, 20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scrolling_through_the_file_shows_every_row_once(
    path: Path, lines: list[str], columns: int
) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))
    pager = Pager(path)
    whole = texts(pager.rows(columns, 1000))
    pager.rows(columns, 1)
    pager.home()
    down: list[str] = []
    for _ in whole:
        down += texts(pager.rows(columns, 1))
        pager.scroll(1)
    assert down == whole
    up: list[str] = []
    for _ in whole:
        up += texts(pager.rows(columns, 1))
        pager.scroll(-1)
    assert up == whole[::-1]
