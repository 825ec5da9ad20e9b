"""Bash commands of several lines, in scripts for line mode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from backburner.ui.dialogue.messages import BadInput, EndOfInput, InputLine
from backburner.ui.dialogue.shell_blocks import LONGEST, missing
from backburner.ui.lines.joining import CommandInput
from programs import run_program
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from pathlib import Path


def _joined(script: str) -> list[str]:
    """Return the commands of a script, and its errors as `error: ...`."""
    lines = [InputLine(line) for line in script.split("\n")]
    texts: list[str] = []
    for found in CommandInput().take([*lines, EndOfInput()]):
        match found:
            case InputLine(text=text):
                texts.append(text)
            case BadInput(problem=problem):
                texts.append(f"error: {problem}")
            case EndOfInput():
                pass
    return texts


@pytest.mark.parametrize(
    "command",
    [
        "!cat <<EOF\n/tasks\n\n  two\nEOF",
        "!cat <<-'END' | wc -l\n\tone\n\tEND",
        "!cat <<A <<B\na\nA\nb\nB",
        "!echo 'one\n/quit\ntwo'",
        '!echo "one\n!two"',
        "!for i in 1 2; do\necho $i\ndone",
        "!if true; then\n  echo yes # don't\nfi",
        "!case x in\nx) echo x;;\nesac",
        "!while false; do\ncat <<E\ndone\nE\ndone",
        "!f() {\necho x\n}\nf".removesuffix("\nf"),
        "!echo a \\\n  b \\\n  c",
        "!cd /; \\\nls",
        "!true &&\nfalse ||\ntrue",
        "!ls |\nwc -l",
        "!echo $(ls\n)",
        "!a=(1\n2)",
        '/task "Loop" bash for i in 1 2; do\necho $i\ndone',
        '/task "Quoted" bash "make\nmake test"',
        "/task Loop bash while read -r x; do\necho $x\ndone",
        "/run cat <<EOF\nx\nEOF",
    ],
)
def test_a_command_of_several_lines_is_one_command(command: str) -> None:
    assert _joined(f"/tasks\n{command}\n/wait") == ["/tasks", command, "/wait"]


@pytest.mark.parametrize(
    "line",
    [
        "!make test",
        "!echo 'a' \"b\" | wc -l && true; false &",
        "!echo \\\\",
        "!# a comment \\",
        "!echo a # it's",
        "!echo )",
        "!",
        "!echo 'unexpected end of file' )",
        "/task",
        '/task "Open bash ls',
        '/task "Nap" sleep 1s \\',
        "/show 'x",
        "it's a message <<EOF \\",
        "for i in a; do",
        "",
    ],
)
def test_a_complete_line_is_not_joined(line: str) -> None:
    assert _joined(f"{line}\n/tasks") == [line, "/tasks"]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            "!cat <<EOF\none",
            "line 2, !cat <<EOF, is not finished: bash waits for the l",
        ),
        ("!echo 'x", "line 2, !echo 'x, is not finished: bash waits for a closing '"),
        ("!for i in 1\ndo", "is not finished: bash waits for the rest of it; it was"),
        ("!echo \\", "is not finished: bash waits for the line after the backslash"),
    ],
)
def test_an_unfinished_command_names_its_first_line(script: str, error: str) -> None:
    first, second = _joined(f"/tasks\n{script}")
    assert first == "/tasks"
    assert second.startswith("error: the command that begins on line 2, ")
    assert error in second


def test_an_unreadable_line_ends_the_command_that_contains_it() -> None:
    commands = CommandInput()
    assert commands.take([InputLine("!echo '")]) == []
    first, second = commands.take([BadInput("no UTF-8")])
    assert isinstance(first, BadInput)
    assert "not finished" in first.problem
    assert second == BadInput("no UTF-8")
    assert commands.take([InputLine("/tasks")]) == [InputLine("/tasks")]


def test_a_command_that_is_too_long_ends_the_input() -> None:
    commands = CommandInput()
    commands.take([InputLine("!cat <<EOF")])
    body = InputLine("x" * 1000)
    found = commands.take([body] * (LONGEST // 1000))
    assert isinstance(found[0], BadInput)
    assert "put it into a script" in found[0].problem
    assert found[1:] == [EndOfInput()]
    assert commands.take([InputLine("/quit")]) == []


def test_a_command_that_cannot_be_checked_counts_as_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert missing("echo '") is not None
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing("echo '") is None


def test_a_script_with_blocks_runs_them(tmp_path: Path) -> None:
    script = (
        "!cat <<EOF\n/tasks\n  two\nEOF\n"
        "!for i in 1 2; do\necho loop $i\ndone\n"
        "/wait\n/output 1\n/output 2\n!echo 'open\n"
    )
    done = run_program(*chat_command(tmp_path, "--json"), input=script)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    outputs = [line["lines"] for line in lines if line["event"] == "output"]
    assert outputs == [["/tasks", "  two"], ["loop 1", "loop 2"]]
    assert "line 11, !echo 'open, is not finished" in lines[-1]["text"]
    assert done.returncode == 2


def test_the_prompt_shows_that_the_command_continues(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path), environ={"TERM": "dumb"}) as chat:
        chat.wait("backburner: session main")
        chat.send("!echo 'first\n")
        chat.wait("\n>")
        chat.send("second'; exit 3\n")
        chat.wait("#1 failed", "second")
        chat.send("\x04")
        assert chat.wait_exit() == 1
