from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from backburner.actors import Task, TaskChanged, TaskEvent, Terms
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.entries import Entry, Problem, Reply, Said, TaskNews
from backburner.ui.lines.json_lines import TaskLine, TextLine
from backburner.ui.lines.views import JsonView, PlainView
from backburner.ui.text.theme import ASCII_ICONS, UNICODE_ICONS
from msgspec.structs import replace
from patience import PATIENCE

Samples = Mapping[Status, Task]

AT = datetime(2026, 1, 2, 10, 41, tzinfo=UTC)
HOSTILE = "a\x1b]0;title\x07b\x9b2Jc\nd\u2028e\u202ef"


def _news(task: Task, event: TaskEvent | None = None, seq: int = 1) -> TaskNews:
    return TaskNews(AT, TaskChanged(seq, event or TaskEvent.of(task.status), task))


def _plain(*entries: Entry) -> list[str]:
    stream = io.StringIO()
    view = PlainView(stream, UNICODE_ICONS)
    for entry in entries:
        view.show(entry)
    return stream.getvalue().split("\n")[:-1]


@pytest.mark.usefixtures("utc")
def test_lines_are_wrapped_between_words_at_the_width_of_the_terminal() -> None:
    stream = io.StringIO()
    view = PlainView(stream, UNICODE_ICONS, columns=lambda: 30)
    view.show(Problem(AT, "this can't be done, and that is the reason"))
    view.show(Reply(AT, ("one two three four five six seven",)))
    view.show(Reply(AT, ("a | table | with | many | columns",), laid_out=True))
    assert stream.getvalue().splitlines() == [
        "10:41  error: this can't be",
        "       done, and that is the",
        "       reason",
        "       one two three four five",
        "       six seven",
        "       a | table | with | many | columns",
    ]


def _json(*entries: Entry) -> list[str]:
    stream = io.StringIO()
    view = JsonView(stream)
    for entry in entries:
        view.show(entry)
    return stream.getvalue().splitlines()


class _Pipe(io.StringIO):
    """Records the text written by each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[str] = []

    def flush(self) -> None:
        self.arrived.append(self.getvalue())


@pytest.mark.usefixtures("utc")
def test_plain_lines_show_the_same_as_the_chat(samples: Samples) -> None:
    assert _plain(
        Said(AT, "you", "hello"),
        Said(AT, "you", "/tasks", command=True),
        Reply(AT, ("No tasks.", "", "Running: 0")),
        Problem(AT, "unknown command /x"),
        _news(samples[Status.COMPLETE]),
    ) == [
        "10:41  you  hello",
        "10:41  you  /tasks",
        "       No tasks.",
        "",
        "       Running: 0",
        "10:41  error: unknown command /x",
        "10:41  ✓ #3 complete  Run tests  42.0s",
    ]


@pytest.mark.parametrize("status", Status)
def test_plain_lines_report_every_status(samples: Samples, status: Status) -> None:
    task = samples[status]
    (line,) = _plain(_news(task))
    assert f"{UNICODE_ICONS.of(status)} #{task.id} {status}" in line


def test_plain_lines_leave_out_progress(samples: Samples) -> None:
    task = replace(samples[Status.RUNNING], progress=50)
    assert _plain(_news(task, TaskEvent.PROGRESS)) == []


def test_plain_lines_name_no_command_of_the_drawn_chat(samples: Samples) -> None:
    task = replace(samples[Status.RUNNING], terms=Terms(input="terminal"))
    (line,) = _plain(_news(task, TaskEvent.INPUT))
    assert line.endswith(f"waits for input  (/send {task.id} TEXT)")


def test_plain_lines_are_safe_to_show(samples: Samples) -> None:
    task = replace(samples[Status.RUNNING], description=HOSTILE)
    line, news = _plain(Said(AT, "you", HOSTILE), _news(task))
    assert line.endswith("you  abc def")
    assert news.endswith("running   abc def")


def test_plain_lines_use_the_given_icons(samples: Samples) -> None:
    stream = io.StringIO()
    PlainView(stream, ASCII_ICONS).show(_news(samples[Status.FAILED]))
    assert "x #4 failed" in stream.getvalue()


def test_entries_are_written_at_the_next_flush(samples: Samples) -> None:
    entries = [Said(AT, "you", "hi"), Reply(AT, ("a", "b")), Problem(AT, "c")]
    for entry in (*entries, _news(samples[Status.QUEUED])):
        for view in (PlainView(pipe := _Pipe(), UNICODE_ICONS), JsonView(pipe)):
            before = len(pipe.arrived)
            view.show(entry)
            assert len(pipe.arrived) == before
            view.flush()
            assert pipe.arrived[-1] == pipe.getvalue()
            assert pipe.getvalue().endswith("\n")


@pytest.mark.parametrize("status", Status)
def test_json_lines_contain_the_whole_task(samples: Samples, status: Status) -> None:
    task = samples[status]
    (line,) = _json(_news(task, seq=7))
    found = msgspec.json.decode(line, type=TaskLine)
    assert found == TaskLine(TaskEvent(status.value), 7, task)
    assert msgspec.json.decode(line)["event"] == status.value


def test_json_lines_report_progress(samples: Samples) -> None:
    task = replace(samples[Status.RUNNING], progress=50)
    (line,) = _json(_news(task, TaskEvent.PROGRESS))
    found = msgspec.json.decode(line, type=TaskLine)
    assert found.event is TaskEvent.PROGRESS
    assert found.task.progress == 50


def test_json_lines_contain_messages_answers_and_errors() -> None:
    lines = _json(
        Said(AT, "you", HOSTILE),
        Said(AT, "you", "/tasks", command=True),
        Reply(AT, ("two", "lines")),
        Problem(AT, "unknown command /x"),
    )
    assert [msgspec.json.decode(line, type=TextLine) for line in lines] == [
        TextLine("reply", "abc def"),
        TextLine("reply", "two\nlines"),
        TextLine("error", "unknown command /x"),
    ]


def test_json_lines_of_hostile_text_are_one_line_each(samples: Samples) -> None:
    task = replace(samples[Status.RUNNING], description=HOSTILE)
    (line,) = _json(_news(task))
    assert msgspec.json.decode(line, type=TaskLine).task.description == HOSTILE
    assert line.isprintable()


def test_standard_output_stays_failed_after_an_error() -> None:
    script = """
import sys
from backburner.ui.lines.output import StandardOutput
stream = StandardOutput("utf-8")
for _ in range(3):
    try:
        stream.write("x")
        stream.flush()
    except OSError as error:
        print(type(error).__name__, file=sys.stderr)
"""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    os.close(writing)
    assert done.stderr == b"BrokenPipeError\n" * 3
