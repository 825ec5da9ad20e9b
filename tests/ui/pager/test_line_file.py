from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.pager import line_file
from backburner.ui.pager.line_file import FileLook, LineFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 8
CONTENTS = st.one_of(
    st.binary(max_size=100),
    st.text("ab\n日é", max_size=60).map(str.encode),
    st.lists(st.sampled_from([b"\n", b"x" * 7, b"x" * 20, "日".encode()])).map(
        b"".join
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_file, "BLOCK", BLOCK)


def all_lines(look: FileLook) -> list[int]:
    lines: list[int] = []
    line: int | None = 0 if look.size else None
    while line is not None:
        lines.append(line)
        line = look.line_after(line)
    return lines


@given(CONTENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_are_the_same_when_read_forward_and_backward(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with LineFile(path).look() as look:
        lines = all_lines(look)
        backwards: list[int] = []
        line = look.line_before(look.size)
        while line is not None and look.size:
            backwards.append(line)
            line = look.line_before(line)
        assert backwards[::-1] == lines
        assert look.lines_between(0, look.size) == lines


@given(CONTENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_contain_the_whole_file_and_are_never_long(
    path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with LineFile(path).look() as look:
        parts = [look.read(line, look.end_of(line)) for line in all_lines(look)]
    assert b"".join(parts) == content
    assert all(len(part) <= 2 * BLOCK + 3 for part in parts)
    assert all(b"\n" not in part[:-1] for part in parts)


@given(CONTENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_short_lines_are_never_broken(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    whole = content.split(b"\n")
    with LineFile(path).look() as look:
        lines = all_lines(look)
        at = 0
        for line in whole:
            if len(line) < BLOCK and at < len(content):
                assert at in lines
                assert look.text(at) == line.decode("utf-8", "replace")
            at += len(line) + 1


@given(st.text("ab日é😀", max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_is_never_broken_inside_a_character(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    with LineFile(path).look() as look:
        assert "".join(look.text(line) for line in all_lines(look)) == text


@given(CONTENTS, st.integers(0, 120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_byte_belongs_to_a_line(path: Path, content: bytes, place: int) -> None:
    path.write_bytes(content)
    with LineFile(path).look() as look:
        lines = [line for line in all_lines(look) if line <= place]
        assert look.line_at(place) == (lines[-1] if lines else 0)


@given(CONTENTS, CONTENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_grown_file_is_read_in_its_current_state(
    path: Path, content: bytes, more: bytes
) -> None:
    path.write_bytes(content)
    file = LineFile(path)
    with file.look() as look:
        all_lines(look)
    with path.open("ab") as stream:
        stream.write(more)
    with file.look() as look, LineFile(path).look() as fresh:
        assert all_lines(look) == all_lines(fresh)


def test_a_truncated_or_replaced_file_is_read_again(path: Path) -> None:
    file = LineFile(path)
    path.write_bytes(b"one\ntwo\nthree\nfour\nfive\n")
    with file.look() as look:
        assert len(all_lines(look)) == 5
    path.write_bytes(b"a\nb\nc\nd\ne\nf\ng\nh\n")
    with file.look() as look:
        assert len(all_lines(look)) == 8
    other = path.with_name("other")
    other.write_bytes(b"longer than before, and nothing else in it\n")
    other.replace(path)
    with file.look() as look, LineFile(path).look() as fresh:
        assert all_lines(look) == all_lines(fresh)
