from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Task, TaskCounts, TaskFilter, TaskFound, TaskList
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.facts import Shown, task_facts
from backburner.ui.dialogue.reports import (
    detail_lines,
    last_words,
    news_text,
    state_text,
)
from backburner.ui.dialogue.task_lists import list_lines
from backburner.ui.dialogue.task_output import (
    LAST_LINES,
    OUTPUT_LIMIT,
    SHOW_LIMIT,
    output_end,
    output_lines,
    read_output,
)
from backburner.ui.text.theme import ASCII_ICONS, UNICODE_ICONS
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

Samples = Mapping[Status, Task]

HOSTILE = "\x1b]52;c;cm0=\x07rm\x9b2J -rf\u202e \ud800\nsecond"
SAFE = "rm -rf \N{REPLACEMENT CHARACTER} second"


def _with_output(task: Task, folder: Path, output: bytes) -> Task:
    path = folder / f"{task.id}.log"
    path.write_bytes(output)
    return replace(task, output_path=str(path))


_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _assert_safe(lines: list[str]) -> None:
    assert not [line for line in lines if _UNSAFE.search(line)]


# News


def _details(found: TaskFound) -> list[str]:
    return detail_lines(found, UNICODE_ICONS, (), output_end(found.task))


def _output(task: Task) -> list[str]:
    return output_lines(task, read_output(task))


def test_news_is_one_line_with_the_essential_facts(samples: Samples) -> None:
    assert [news_text(task, UNICODE_ICONS) for task in samples.values()] == [
        "○ #1 queued    Deploy  waiting for a slot (8 of 8 busy)",
        "● #2 running   Build",
        "✓ #3 complete  Run tests  42.0s",
        "✗ #4 failed    Lint  exit status 1 · 42.0s",
        "⊘ #5 canceled  Docs  canceled by you",
    ]


def test_news_omits_a_reason_implied_by_the_status(samples: Samples) -> None:
    task = replace(samples[Status.QUEUED], reason="starting")
    assert news_text(task, ASCII_ICONS) == "o #1 queued    Deploy"
    task = replace(samples[Status.RUNNING], reason="stopping")
    assert news_text(task, ASCII_ICONS) == "* #2 running   Build  stopping"


def test_news_names_processes_that_a_task_left_running(samples: Samples) -> None:
    reason = "exit status 0; still running: 31029 (vite)"
    task = replace(samples[Status.COMPLETE], reason=reason)
    assert task.left_running == "31029 (vite)"
    assert news_text(task, ASCII_ICONS) == (
        "+ #3 complete  Run tests  42.0s  still running: 31029 (vite)"
    )


def test_news_of_a_failure_includes_the_last_output_line(samples: Samples) -> None:
    failed = replace(samples[Status.FAILED], last_line="\x1b[31mfatal: no such branch ")
    start = "x #4 failed    Lint  exit status 1 · 42.0s"
    assert news_text(failed, ASCII_ICONS) == f"{start}  fatal: no such branch"
    long = news_text(replace(failed, last_line="x" * 1000), ASCII_ICONS)
    assert long == f"{start}  {'x' * 117}..."
    for text in ("", "  ", "exit status 1", None):
        assert news_text(replace(failed, last_line=text), ASCII_ICONS) == start
    # The last line is part of the reason by chance.
    assert news_text(replace(failed, last_line="s 1"), ASCII_ICONS) == f"{start}  s 1"
    failed_start = replace(
        failed, reason="can't start: no shell; still running: 7 (vite)"
    )
    for text in ("can't start: no shell", "still running: 7 (vite)", "7 (vite)"):
        assert last_words(replace(failed_start, last_line=text)) == ""


def test_news_of_a_completed_task_includes_its_result(samples: Samples) -> None:
    complete = replace(samples[Status.COMPLETE], last_line="511 passed in 62.40s ")
    assert news_text(complete, ASCII_ICONS) == (
        "+ #3 complete  Run tests  42.0s  511 passed in 62.40s"
    )


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("========= 2 passed in 0.01s =========", "2 passed in 0.01s"),
        ("_______ test_x _______", "test_x"),
        ("==========", "=========="),
        ("--verbose was ignored", "--verbose was ignored"),
        ("--- a.txt", "--- a.txt"),
        ("", ""),
    ],
)
def test_padding_to_the_terminal_width_is_left_out(
    samples: Samples, line: str, text: str
) -> None:
    complete = replace(samples[Status.COMPLETE], last_line=line)
    assert news_text(complete, ASCII_ICONS).endswith(f"42.0s  {text}".rstrip())
    failed = replace(samples[Status.FAILED], last_line=line)
    assert news_text(failed, ASCII_ICONS).endswith(text)
    running = replace(samples[Status.RUNNING], last_line=line)
    assert state_text(running) == text


def test_news_includes_an_error_that_the_reason_does_not_name(samples: Samples) -> None:
    task = replace(samples[Status.CANCELED], error="still alive: 12 (sleep)")
    assert news_text(task, ASCII_ICONS) == (
        "- #5 canceled  Docs  canceled by you  (still alive: 12 (sleep))"
    )


@pytest.mark.parametrize("status", Status)
def test_news_is_safe_to_show(samples: Samples, status: Status) -> None:
    is_error = status in {Status.FAILED, Status.CANCELED}
    task = replace(
        samples[status],
        description=HOSTILE,
        reason=f"why {HOSTILE}",
        error=HOSTILE if is_error else None,
    )
    text = news_text(task, UNICODE_ICONS)
    _assert_safe([text])
    assert SAFE in text


# Lists


def test_a_list_has_a_header_rows_and_a_footer(samples: Samples) -> None:
    tasks = [*samples.values()]
    tasks[1] = replace(tasks[1], id=12, progress=7, duration=65.0)
    tasks[2] = replace(tasks[2], last_line="511 passed in 62.40s")
    answer = TaskList(tuple(tasks), TaskCounts(1, 1, 1, 1, 1))
    assert list_lines(answer, TaskFilter.ALL, UNICODE_ICONS) == [
        "  ID   Progress  Duration  Description  Result",
        "○ #1          -         -  Deploy       waiting for a slot (8 of 8 busy)",
        "● #12        7%    1m 05s  Build",
        "✓ #3          -     42.0s  Run tests    511 passed in 62.40s",
        "✗ #4          -     42.0s  Lint         exit status 1",
        "⊘ #5          -         -  Docs         canceled by you",
        "Running: 1 | Queued: 1 | Completed: 1 | Failed: 1 | Canceled: 1",
    ]


def test_a_list_names_the_nodes_of_its_tasks(samples: Samples) -> None:
    tasks = [*samples.values()][:2]
    tasks[1] = replace(tasks[1], node="node-7", last_line="up", duration=5.0)
    tasks[0] = replace(tasks[0], reason="starting")
    answer = TaskList(tuple(tasks), TaskCounts(1, 1))
    assert list_lines(answer, TaskFilter.ALL, UNICODE_ICONS)[:-1] == [
        "  ID  Progress  Duration  Description  Node    Result",
        "○ #1         -         -  Deploy               starting",
        "● #2         -      5.0s  Build        node-7  up",
    ]


def test_the_footer_counts_all_tasks_under_any_filter(samples: Samples) -> None:
    counts = TaskCounts(queued=2, running=3, complete=40, failed=5, canceled=6)
    answer = TaskList((samples[Status.FAILED],), counts)
    lines = list_lines(answer, TaskFilter.FAILED, ASCII_ICONS)
    assert (
        lines[-1] == "Running: 3 | Queued: 2 | Completed: 40 | Failed: 5 | Canceled: 6"
    )
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (TaskFilter.ALL, "No tasks."),
        (TaskFilter.NOT_CANCELED, "No tasks."),
        (TaskFilter.QUEUED, "No queued tasks."),
        (TaskFilter.RUNNING, "No running tasks."),
        (TaskFilter.FINISHED, "No finished tasks."),
        (TaskFilter.COMPLETE, "No complete tasks."),
        (TaskFilter.FAILED, "No failed tasks."),
        (TaskFilter.CANCELED, "No canceled tasks."),
    ],
)
def test_an_empty_list_says_so(selection: TaskFilter, text: str) -> None:
    answer = TaskList((), TaskCounts())
    footer = "Running: 0 | Queued: 0 | Completed: 0 | Failed: 0 | Canceled: 0"
    assert list_lines(answer, selection, ASCII_ICONS) == [text, footer]


def test_a_list_is_safe_to_show(samples: Samples) -> None:
    task = replace(samples[Status.QUEUED], description=HOSTILE)
    lines = list_lines(TaskList((task,), TaskCounts(1)), TaskFilter.ALL, UNICODE_ICONS)
    _assert_safe(lines)
    assert SAFE in lines[1]


# Details


def _fact(lines: list[str], name: str) -> str | None:
    start = f"  {name:<9}  "
    return next((x.removeprefix(start) for x in lines if x.startswith(start)), None)


@pytest.mark.usefixtures("utc")
def test_details_include_all_known_facts(samples: Samples, tmp_path: Path) -> None:
    task = _with_output(samples[Status.FAILED], tmp_path, b"one\ntwo\n")
    error = "a.c:1: syntax error"
    task = replace(task, progress=50, error=error, directory="/srv/shop")
    assert _details(TaskFound(task, pid=4711)) == [
        "#4 Lint",
        "  status     ✗ failed: exit status 1",
        "  kind       bash",
        "  command    make test",
        "  directory  /srv/shop",
        "  error      a.c:1: syntax error",
        "  queued     2026-01-02 03:04:05",
        "  started    2026-01-02 03:04:06",
        "  ended      2026-01-02 03:04:48",
        "  duration   42.0s",
        "  progress   50%",
        "  process    4711",
        "  exit code  1",
        f"  output     {tmp_path}/4.log (8 B)",
        "  │ one",
        "  │ two",
    ]


def test_an_opened_task_shows_the_same_facts_as_show(samples: Samples) -> None:
    task = replace(samples[Status.FAILED], error="went wrong", directory="/srv/shop")
    lines, opened = (
        dict(
            task_facts(
                task, where, ASCII_ICONS, "-", pid=7, activity=[("a", "b")], output="o"
            )
        )
        for where in (Shown.LINES, Shown.OPENED)
    )
    both = {"directory", "error", "process", "a", "exit code", "output"}
    assert [lines[name] for name in both] == [opened[name] for name in both]
    assert opened["command"] == "bash make test"
    assert set(opened) == both | {"why", "command", "times"}


@pytest.mark.usefixtures("utc")
def test_details_omit_unknown_facts(samples: Samples) -> None:
    assert _details(TaskFound(samples[Status.QUEUED])) == [
        "#1 Deploy",
        "  status     ○ queued: waiting for a slot (8 of 8 busy)",
        "  kind       bash",
        "  command    make test",
        "  queued     2026-01-02 03:04:05",
    ]


def test_an_exit_code_of_0_and_a_progress_of_0_are_known(samples: Samples) -> None:
    lines = _details(TaskFound(samples[Status.COMPLETE]))
    assert _fact(lines, "exit code") == "0"
    task = replace(samples[Status.RUNNING], progress=0)
    lines = _details(TaskFound(task))
    assert _fact(lines, "progress") == "0%"
    assert _fact(lines, "duration") == "0.0s"


def test_details_show_the_last_lines_of_output(
    samples: Samples, tmp_path: Path
) -> None:
    output = b"".join(b"line %d\n" % n for n in range(100_000))
    task = _with_output(samples[Status.RUNNING], tmp_path, output + b"unfinished")
    lines = _details(TaskFound(task))
    shown = [line for line in lines if line.startswith("  │ ")]
    expected = [f"  │ line {n}" for n in range(100_001 - LAST_LINES, 100_000)]
    assert shown == [*expected, "  │ unfinished"]


def test_details_show_the_end_of_a_huge_line(samples: Samples, tmp_path: Path) -> None:
    task = _with_output(samples[Status.RUNNING], tmp_path, b"x" * (2 * SHOW_LIMIT))
    lines = _details(TaskFound(task))
    assert lines[-1] == "  │ " + "x" * SHOW_LIMIT


def test_a_line_without_its_beginning_is_left_out(
    samples: Samples, tmp_path: Path
) -> None:
    output = b"x" * SHOW_LIMIT + b"\nwhole\n"
    task = _with_output(samples[Status.RUNNING], tmp_path, output)
    lines = _details(TaskFound(task))
    assert [line for line in lines if "│" in line] == ["  │ whole"]


def test_details_of_hostile_text_and_output_are_safe(
    samples: Samples, tmp_path: Path
) -> None:
    output = HOSTILE.encode("utf-8", "surrogatepass") + b"\n\xff\xfe\x00\x1b[2J\x9b\n"
    task = _with_output(samples[Status.FAILED], tmp_path, output)
    task = replace(
        task,
        description=HOSTILE,
        reason=HOSTILE,
        kind=HOSTILE,
        args=(HOSTILE, "b"),
        error=f"{HOSTILE}!",
    )
    lines = _details(TaskFound(task))
    _assert_safe(lines)
    assert lines[0] == f"#4 {SAFE}"
    assert _fact(lines, "command") == f"{SAFE} b"
    assert _fact(lines, "error") == f"{SAFE}!"


def test_details_say_that_output_was_deleted(samples: Samples, tmp_path: Path) -> None:
    path = str(tmp_path / "gone")
    task = replace(samples[Status.COMPLETE], output_path=path, output_size=8)
    lines = _details(TaskFound(task))
    assert _fact(lines, "output") == f"{path} is gone"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.FAILED])
def test_output_that_never_existed_does_not_count_as_deleted(
    samples: Samples, tmp_path: Path, status: Status
) -> None:
    task = replace(samples[status], output_path=str(tmp_path / "later"))
    lines = _details(TaskFound(task))
    assert _fact(lines, "output") is None


def test_details_say_why_output_is_unreadable(samples: Samples, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / "1.log")
    task = replace(samples[Status.COMPLETE], output_path=path)
    lines = _details(TaskFound(task))
    assert _fact(lines, "output") == f"{path} can't be read: Not a directory"


# Output


def test_output_is_shown_completely(samples: Samples, tmp_path: Path) -> None:
    task = _with_output(samples[Status.COMPLETE], tmp_path, b"\none\r\n\ttwo\nend")
    assert _output(task) == ["", "one", "        two", "end"]


def test_a_task_without_output_says_so(samples: Samples, tmp_path: Path) -> None:
    assert _output(samples[Status.COMPLETE]) == ["#3 has no output"]
    task = _with_output(samples[Status.RUNNING], tmp_path, b"")
    assert _output(task) == ["#2 has printed nothing yet"]
    task = replace(task, output_path=str(tmp_path / "later"))
    assert _output(task) == ["#2 has printed nothing yet"]
    task = _with_output(samples[Status.FAILED], tmp_path, b"")
    assert _output(task) == ["#4 has printed nothing"]
    task = _with_output(samples[Status.CANCELED], tmp_path, b"")
    assert _output(task) == ["#5 has no output"]


def test_huge_output_is_shown_from_its_last_whole_line(
    samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "2.log"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # a sparse file
        file.seek(0, 2)
        file.write(b"\nsecond last\nlast\n")
    task = replace(samples[Status.RUNNING], output_path=str(path))
    lines = _output(task)
    assert lines == [f"… 8 GiB before this are in {path}", "second last", "last"]


def test_the_end_of_a_huge_line_is_shown(samples: Samples, tmp_path: Path) -> None:
    output = b"a" * OUTPUT_LIMIT + b"b" * OUTPUT_LIMIT
    task = _with_output(samples[Status.RUNNING], tmp_path, output)
    assert _output(task) == [
        f"… 1 MiB before this are in {task.output_path}",
        "b" * OUTPUT_LIMIT,
    ]


@given(output=st.binary(max_size=200))
def test_any_output_is_safe_to_show(
    samples: Samples, tmp_path_factory: pytest.TempPathFactory, output: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(output)
    task = replace(samples[Status.RUNNING], output_path=str(path))
    _assert_safe(_output(task))


def test_unreadable_output_is_an_error(samples: Samples, tmp_path: Path) -> None:
    path = str(tmp_path / "gone")
    task = replace(samples[Status.COMPLETE], output_path=path, output_size=8)
    with pytest.raises(FileNotFoundError):
        _output(task)
