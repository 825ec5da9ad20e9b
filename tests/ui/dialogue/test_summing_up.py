"""Statistics, digests, exports and estimates."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Outcome, Task, TaskRequest, TaskStatus, Terms
from backburner.ui.dialogue.arguments import UsageError
from backburner.ui.dialogue.exports import (
    digest_lines,
    explained,
    failures_of,
    text_of,
    write_export,
)
from backburner.ui.dialogue.last_runs import LastRuns, rough_text
from backburner.ui.dialogue.lookups import (
    DigestOf,
    ExportTasks,
    FailuresFound,
    LookUpFailed,
    look_up,
)
from backburner.ui.dialogue.parse import parse
from backburner.ui.dialogue.statistics import Times, statistics_of, stats_lines
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>|`x`\x1b]0;t\x07 & [a](b)"


def _task(
    number: int,
    *,
    ran: float = 10.0,
    reason: str = "",
    group: str = "default",
    text: str = "true",
) -> Task:
    request = TaskRequest("A job", "bash", (text,), terms=Terms(group=group))
    queued = NOW - timedelta(minutes=10)
    task = Task.of(request, id=number, reason="", queued_at=queued)
    task = task.started(queued + timedelta(seconds=number))
    outcome = Outcome.failed(reason) if reason else Outcome.complete()
    return task.ended(outcome, NOW - timedelta(minutes=1), ran)


def _running(text: str = "true", ran: float = 4.0) -> Task:
    task = Task.of(
        TaskRequest("A job", "bash", (text,)), id=99, reason="", queued_at=NOW
    )
    return replace(task.started(NOW), duration=ran)


def test_times_and_failures_are_counted_by_group() -> None:
    tasks = [_task(it, ran=float(it)) for it in range(1, 21)]
    tasks.append(_task(30, reason="exit status 2 (attempt 2 of 3)", group="builds"))
    tasks.append(_task(31, reason="exit status 2", group="builds"))
    stats = statistics_of(tasks, NOW)
    assert (stats.complete, stats.failed, stats.last_hour) == (20, 2, 22)
    builds, default = stats.groups
    assert (builds.name, builds.ended, builds.failed) == ("builds", 2, 2)
    assert default.ran == Times(10.0, 19.0)
    assert default.waited == Times(10.0, 19.0)
    assert stats.reasons == (("exit status 2", 2),)
    lines = stats_lines(stats)
    assert lines[0] == "20 complete, 2 failed, 0 canceled, 0 open"
    assert lines[-1] == "  2 x exit status 2"


def test_without_tasks_there_are_no_times() -> None:
    stats = statistics_of([], NOW)
    assert stats.groups == ()
    assert Times.of([]) is None
    assert len(stats_lines(stats)) == 2


def test_a_running_task_is_estimated_by_the_last_ten_runs_of_its_command() -> None:
    runs = LastRuns(_task(it, ran=1000.0) for it in range(1, 5))
    for number in range(5, 15):
        runs.add(_task(number, ran=200.0))
        runs.add(_task(number, ran=200.0))  # reported twice
    runs.add(_task(50, ran=1.0, text="other"))
    runs.add(_task(51, ran=1.0, reason="exit status 1"))
    estimate = runs.estimate(_running(ran=20.0))
    assert estimate is not None
    assert estimate.text() == "about 3 min left, by its last 10 runs"
    late = runs.estimate(_running(), 300.0)
    assert late is not None
    assert late.text() == "longer than usual: 3 min, by its last 10 runs"


def test_a_task_with_progress_or_without_earlier_runs_is_not_estimated() -> None:
    runs = LastRuns([_task(1)])
    assert runs.estimate(replace(_running(), progress=50)) is None
    assert runs.estimate(_running("never ran")) is None
    assert runs.estimate(_task(1)) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (4800, "1 h 20 min")],
)
def test_rough_durations_are_written_as_people_say_them(
    seconds: float, text: str
) -> None:
    assert rough_text(seconds) == text


@pytest.fixture
def failed(tmp_path: Path) -> Task:
    """Return a failed task with a hostile name and output."""
    output = tmp_path / "1.log"
    output.write_text("".join(f"line {it}\n" for it in range(999)) + HOSTILE + "\n")
    task = _task(1, reason="exit status 1")
    return replace(task, description=HOSTILE, output_path=str(output))


def test_a_digest_has_the_last_lines_of_each_failure(failed: Task) -> None:
    lines = digest_lines(failures_of([failed, _task(2)]))
    assert lines[0].endswith(": exit status 1")
    assert lines[1:5] == [f"  | line {it}" for it in range(995, 999)]
    assert "\x1b" not in "".join(lines)
    assert digest_lines([]) == ["no task has failed"]
    found = look_up(DigestOf(tuple(_task(it, reason="no") for it in range(1, 31))))
    assert isinstance(found, FailuresFound)
    many = digest_lines(found.failures, found.earlier)
    assert (many[0], len(many)) == ("10 earlier failures are not shown", 21)


def test_a_failure_with_deleted_output_has_no_lines(failed: Task) -> None:
    gone = replace(failed, output_path="/no/such/file")
    assert failures_of([gone])[0].lines == ()


def test_an_export_has_one_task_per_line(tmp_path: Path, failed: Task) -> None:
    path = tmp_path / "tasks.jsonl"
    assert write_export(str(path), [failed, _task(2)], NOW).startswith("wrote 2 tasks")
    lines = path.read_text().splitlines()
    assert [json.loads(it)["id"] for it in lines] == [1, 2]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_report_escapes_names_and_output(failed: Task) -> None:
    page = text_of(".html", [failed], NOW)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src 'none'" in page
    text = text_of(".md", [failed], NOW)
    body = [it for it in text.splitlines() if not it.startswith("    ")]
    assert not any(re.search(r"(?<!\\)[<`|\[]\w", it) for it in body)
    assert r"\[a\]\(b\)" in text
    assert text.count("\n| \\#1 |") == 1


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text("mine")
    with pytest.raises(FileExistsError) as refused:
        write_export(str(path), [], NOW)
    assert explained(refused.value, "tasks.jsonl") == (
        "tasks.jsonl exists already; name another file, or use --force"
    )
    assert path.read_text() == "mine"
    write_export(str(path), [_task(1)], NOW, replaces=True)
    assert '"id":1' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    for replaces in (False, True):
        with pytest.raises(OSError) as refused:  # noqa: PT011 - named below
            write_export(str(tmp_path), [], NOW, replaces=replaces)
        explanation = explained(refused.value, str(tmp_path))
        assert explanation == f"{tmp_path} is a directory; name a file in it"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):  # noqa: PT011 - as a file that is there
        write_export(str(link), [], NOW)


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize(
    "name", ["none/a.html", "folder", "~no-such-user/a.md", "x" * 300]
)
def test_a_write_error_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, replaces: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    found = look_up(ExportTasks(name, (_task(1),), NOW, replaces))
    assert isinstance(found, LookUpFailed)
    assert name in found.text
    assert "\n" not in found.text
    assert [it.name for it in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("line", ["/export", "/export  ", "/stats all", "/failures 3"])
def test_an_invalid_line_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse(line)


def test_an_exported_name_need_not_be_utf_8(tmp_path: Path) -> None:
    task = replace(_task(1), description=os.fsdecode(b"\xff"))
    write_export(str(tmp_path / "a.html"), [task], NOW)
    assert _running().status is TaskStatus.RUNNING
