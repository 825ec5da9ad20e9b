"""The output of `--json`, checked against the documented schema."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from programs import run_program
from pty_session import chat_command

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Path(__file__).parents[3] / "docs" / "json.schema.json"
SCRIPT = """\
hello
!echo one; echo 50%; sleep 0.3; echo two
!echo wrong >&2; exit 3
/wait
/tasks
/show 1
/output 2
/task "Nap" sleep 600s
/show 3
/cancel 3
/wait
/help
/help cancel
/clear
/chats
/taks
!sleep 600
/task "Later" sleep 600s
/quit
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return _run(tmp_path_factory.mktemp("state"), SCRIPT, status=2)


def _run(state: Path, script: str, *, status: int = 0) -> list[dict[str, Any]]:
    done = run_program(*chat_command(state, "--json", "--parallel", "1"), input=script)
    assert (done.returncode, done.stderr) == (status, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@functools.cache
def _check() -> Callable[[object], None]:
    """Return the validator of a line; checking the schema itself is slower."""
    schema: dict[str, Any] = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator: Any = jsonschema.Draft202012Validator(schema)
    return validator.validate


def _is_valid(line: dict[str, Any]) -> bool:
    try:
        _check()(line)
    except jsonschema.ValidationError:
        return False
    return True


def test_every_line_matches_the_schema(lines: list[dict[str, Any]]) -> None:
    assert [line for line in lines if not _is_valid(line)] == []


def test_every_command_answers_with_data(lines: list[dict[str, Any]]) -> None:
    answers = {line["event"]: line for line in lines}
    tasks = answers["tasks"]
    assert [task["status"] for task in tasks["tasks"]] == ["complete", "failed"]
    assert tasks["counts"]["failed"] == 1
    shown = [line for line in lines if line["event"] == "show"]
    assert shown[0]["lines"] == ["one", "50%", "two"]
    assert shown[0]["activity"] is None
    assert shown[1]["activity"]["silence"] >= 0
    assert answers["output"]["lines"] == ["wrong"]
    waits = [line for line in lines if line["event"] == "wait"]
    assert [[task["id"] for task in wait["tasks"]] for wait in waits] == [[1, 2], [3]]
    assert answers["cancel"]["tasks"][0]["id"] == 3
    assert answers["clear"]["ids"] == [1, 2, 3]
    assert answers["help"]["commands"][0]["name"] == "/cancel"
    assert answers["quit"] == {"event": "quit", "ending": [4], "not_started": [5]}
    assert "/tasks" in answers["error"]["text"]


def test_a_search_answers_with_data(tmp_path: Path) -> None:
    lines = _run(tmp_path, "!echo one; echo two\n/wait\n/find tw\n")
    assert [line for line in lines if not _is_valid(line)] == []
    *parts, last = [line for line in lines if line["event"] == "find"]
    found = [line for part in parts for line in part["lines"]]
    assert found == [{"id": 1, "place": 4, "line": "two", "match": "tw"}]
    assert (last["ended"], last["lines"], last["searched"]) == (True, [], 8)


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        '{"event": "tasks"}',
        '{"event": "tasks", "tasks": [{}], "counts": {}}',
        '{"event": "reply"}',
        '{"event": "canceled", "seq": 1}',
        '{"event": "unknown", "text": "x"}',
    ],
)
def test_the_schema_rejects_lines_that_are_never_written(line: str) -> None:
    assert not _is_valid(json.loads(line))
