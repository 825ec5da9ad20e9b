from __future__ import annotations

import errno
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from backburner.actors.processes.output_file import (
    GLANCE,
    LAST_LINE_LIMIT,
    OutputMonitor,
    last_line,
    read_part,
    read_tail,
)
from backburner.actors.rules.output_news import OutputNews
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "3.out"


def _append(file: Path, data: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(data)


def test_a_look_returns_the_new_output(file: Path) -> None:
    monitor = OutputMonitor(file)
    _append(file, b"building\n")
    assert monitor.look() == OutputNews(9, "building", None)
    _append(file, b"[1/4] cc a.c\n[2/4] cc b")
    assert monitor.look() == OutputNews(32, "[2/4] cc b", 50)


def test_a_title_at_the_end_is_not_repeated_by_the_next_program(file: Path) -> None:
    _append(file, b"half")
    OutputMonitor(file).begin_after("--- attempt 2 at ", "12:00:00 ---")
    text = b"half\n--- attempt 2 at 12:00:00 ---\n"
    assert file.read_bytes() == text
    monitor = OutputMonitor(file)
    monitor.begin_after("--- attempt 2 at ", "12:00:05 ---")
    assert file.read_bytes() == text
    assert monitor.look() is None
    monitor.begin_after("--- attempt 3 at ", "12:00:05 ---")
    text += b"--- attempt 3 at 12:00:05 ---\n"
    assert file.read_bytes() == text
    _append(file, b"x\n")
    monitor.begin_after("--- attempt 3 at ", "12:00:05 ---")
    assert file.read_bytes() == text + b"x\n--- attempt 3 at 12:00:05 ---\n"


def test_an_unchanged_file_is_no_news(file: Path) -> None:
    monitor = OutputMonitor(file)
    _append(file, b"once\n")
    assert monitor.look() is not None
    assert monitor.look() is None


def test_an_empty_file_is_no_news(file: Path) -> None:
    file.touch()
    assert OutputMonitor(file).look() is None


def test_a_missing_file_is_no_news(file: Path) -> None:
    monitor = OutputMonitor(file)
    assert monitor.look() is None
    _append(file, b"late\n")
    assert monitor.look() == OutputNews(5, "late", None)
    file.unlink()
    assert monitor.look() is None


def test_a_truncated_file_is_news(file: Path) -> None:
    monitor = OutputMonitor(file)
    _append(file, b"a long line\n")
    monitor.look()
    file.write_bytes(b"new\n")
    assert monitor.look() == OutputNews(4, "new", None)
    assert monitor.cut == 8


def test_a_command_that_reopens_and_empties_its_output_is_noticed(file: Path) -> None:
    monitor = OutputMonitor(file)
    with file.open("ab") as stream:
        child = subprocess.Popen(
            ["bash", "-c", "echo first; read; echo b | tee /dev/stderr >&2; echo c"],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
        )
        while monitor.look() is None:
            time.sleep(0.001)
        child.communicate(b"\n")
    news = monitor.look_last()
    assert news is not None
    assert news.last_line == "c"
    assert news.size < 6
    assert monitor.cut == 6 - news.size


@pytest.mark.parametrize("failures", [1, 2, 3, 4])
def test_the_last_look_survives_errors_and_knows_the_size(
    file: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    monitor = OutputMonitor(file)
    _append(file, b"one\n")
    monitor.look()
    _append(file, b"two\n")
    left = failures
    pread = os.pread

    def fail(fd: int, length: int, start: int) -> bytes:
        nonlocal left
        left -= 1
        if left >= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(fd, length, start)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", fail)
        news = monitor.look_last()
    assert news == OutputNews(8, "two" if failures < 3 else "one", None)


def test_the_last_look_at_a_missing_file_returns_nothing(file: Path) -> None:
    assert OutputMonitor(file).look_last() is None


def test_a_folder_in_place_of_the_file_is_no_news(file: Path) -> None:
    file.mkdir()
    assert OutputMonitor(file).look() is None


def test_only_the_end_of_a_huge_file_is_read(file: Path) -> None:
    with file.open("wb") as stream:
        stream.write(b"99%\n")
        stream.truncate(1 << 33)  # a sparse file takes no space on the disk
        stream.seek(0, 2)
        stream.write(b"\nthe end\n")
    assert OutputMonitor(file).look() == OutputNews((1 << 33) + 9, "the end", None)


def test_a_long_line_is_shown_by_its_end(file: Path) -> None:
    _append(file, b"x" * 200_000 + b"\n")
    news = OutputMonitor(file).look()
    assert news is not None
    assert news.size == 200_001
    assert news.last_line == "x" * LAST_LINE_LIMIT


def test_output_is_seen_while_the_process_runs(file: Path) -> None:
    monitor = OutputMonitor(file)
    with file.open("ab") as stream:
        child = subprocess.Popen(
            ["bash", "-c", "echo one >&2; echo ready; read; echo two >&2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
        )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert monitor.look() == OutputNews(4, "one", None)
    assert monitor.look() == OutputNews(8, "two", None)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (b"", None),
        (b"\n \t\n\r\n", None),
        (b"one\ntwo", "two"),
        (b"one\ntwo\n\n   \n", "two"),
        (b" 10%\r 20%\r", "20%"),
        (b"dos\r\n", "dos"),
        (b"seen\n\x1b[0m\x1b[K\n", "seen"),
        (b"\x1b[32mok\x1b[0m\n", "ok"),
        (b"caf\xc3\xa9\n", "café"),
        (b"\xc3(\n", "\N{REPLACEMENT CHARACTER}("),
        (b"cut in half \xe6\xbc", "cut in half \N{REPLACEMENT CHARACTER}"),
        (b"\x00\x01\x02", None),
        (b"\x7fELF\x02\x01\x01\x00", "ELF"),
        (b"\x1b]52;c;cm0gLXJm\x07", None),
    ],
)
def test_the_last_line_has_visible_text(output: bytes, line: str | None) -> None:
    assert last_line(output) == line


@given(st.binary(max_size=GLANCE))
def test_the_last_line_of_any_output_is_short_and_printable(output: bytes) -> None:
    line = last_line(output)
    if line is not None:
        assert 0 < len(line) <= LAST_LINE_LIMIT
        assert line.strip() == line
        assert not set(line) & {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))}


@given(data=st.binary(max_size=50), start=st.integers(0, 60), length=st.integers(0, 60))
def test_a_part_is_the_requested_slice(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, start: int, length: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "part"
    file.write_bytes(data)
    assert read_part(file, start, length) == data[start : start + length]


@given(data=st.binary(max_size=50), limit=st.integers(0, 60))
def test_a_tail_is_the_end_and_knows_where_it_starts(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, limit: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "tail"
    file.write_bytes(data)
    tail, start = read_tail(file, limit)
    assert len(tail) == min(limit, len(data))
    assert start == len(data) - len(tail)
    assert data[start:] == tail


def test_reading_a_missing_file_raises(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_part(file, 0, 1)
    with pytest.raises(FileNotFoundError):
        read_tail(file, 1)


def test_a_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "3.log"
    path.write_bytes(b"before\n")
    monitor = OutputMonitor(path)
    assert monitor.look() is not None
    path.unlink()
    os.mkfifo(path)
    assert monitor.look() is None
    with pytest.raises(OSError, match="not a file any more"):
        read_part(path, 0, 10)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            b"\x1b[H\x1b[2JTasks:   12 total\x1b[2;1H%Cpu  1.0 us\x1b[3;1H",
            "%Cpu  1.0 us",
        ),
        (b"\x1b[1;1Hone\x1b[10;40Htwo", "two"),
        (b"name\x1b[40Cvalue\r\n", "name  value"),
        (b"left" + b" " * 60 + b"right\r\n", "left  right"),
        (b"one\x1b[1Btwo", "two"),
        (b"10%\r\x1b[K20%", "20%"),
        (b">>> \x1b[32mprint\x1b[0m(1)", ">>> print(1)"),
    ],
)
def test_the_last_line_of_a_terminal_is_the_visible_text(
    output: bytes, line: str
) -> None:
    assert last_line(output, terminal=True) == line


def test_the_last_line_of_a_file_keeps_its_gaps() -> None:
    assert last_line(b"a" + b" " * 9 + b"b\n") == "a" + " " * 9 + "b"
