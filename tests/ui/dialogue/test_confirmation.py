"""Commands that need confirmation: in the chat, in a script, on the command line."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors import AddTask, BashKind, EditTask, GetTask, Task, TaskFound
from backburner.actors.testing import make_task
from backburner.ui.chat.model.state import Focus
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import OfferLine, Send, Show
from backburner.ui.dialogue.entries import Problem
from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up
from backburner.ui.program.config import AgentsTable, Config, agents_rules
from backburner.ui.text.theme import icons_for
from chat_driver import ChatDriver, ended
from msgspec.structs import replace
from programs import run_program

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from backburner.ui.dialogue.effects import Effect

CONFIRM = ("rm -rf*", "*--force*")


def _dialogue(*, drawn: bool) -> Dialogue:
    icons = icons_for("utf-8")
    return Dialogue([BashKind()], icons, 5.0, drawn=drawn, confirm=CONFIRM)


def _added(effects: list[Effect]) -> list[str]:
    sent = [it.request for it in effects if isinstance(it, Send)]
    return [it.request.args[0] for it in sent if isinstance(it, AddTask)]


def _problems(effects: list[Effect]) -> list[str]:
    shown = [it.entry for it in effects if isinstance(it, Show)]
    return [it.text for it in shown if isinstance(it, Problem)]


@pytest.mark.parametrize(
    "line",
    [
        "!rm -rf build",
        "! cd x && rm -rf build",
        '/task "Push" bash git push --force',
        '/task --each 1..3 "Clean" bash rm -rf {}',
        '/task --each build,dist --timeout 1h "Clean" bash rm -rf {}',
        '/task --every 1h "Clean" bash rm -rf build',
    ],
)
def test_a_matching_command_is_not_added(line: str) -> None:
    for drawn in (True, False):
        dialogue = _dialogue(drawn=drawn)
        effects = dialogue.take_line(line)
        assert _added(effects) == []
        assert len(_problems(effects)) == 1
        assert "need confirmation" in _problems(effects)[0]
        assert dialogue.misunderstood


def test_the_chat_offers_a_line_that_confirms_the_command() -> None:
    dialogue = _dialogue(drawn=True)
    effects = dialogue.take_line("!rm -rf 'my build'")
    (offered,) = [it.line for it in effects if isinstance(it, OfferLine)]
    assert offered.startswith("/task --yes ")
    assert _added(dialogue.take_line(offered)) == ["rm -rf 'my build'"]


def test_a_confirmed_or_unmatched_command_is_added() -> None:
    dialogue = _dialogue(drawn=False)
    assert _added(dialogue.take_line("!ls")) == ["ls"]
    line = '/task --yes "Clean" bash rm -rf build'
    assert _added(dialogue.take_line(line)) == ["rm -rf build"]
    assert not dialogue.misunderstood


def test_editing_or_rerunning_a_matching_command_needs_confirmation(
    tmp_path: Path,
) -> None:
    task = make_task(3, description="Clean", kind="bash", args=("rm -rf build",))
    lines = tmp_path / "lines"
    lines.write_text("ls\nrm -rf build\n")
    for line, confirmed in (
        (
            '/edit 3 "Clean" bash rm -rf build',
            '/edit --yes 3 "Clean" bash rm -rf build',
        ),
        ("/rerun 3", "/rerun --yes 3"),
        (
            f'/task --batch {lines} "It" bash {{}}',
            f'/task --yes --batch {lines} "It" bash {{}}',
        ),
    ):
        for drawn in (True, False):
            dialogue = _dialogue(drawn=drawn)
            effects = _carried_out(dialogue, line, task)
            assert _changed(effects) == []
            assert "need confirmation" in _problems(effects)[0]
            offered = [it.line for it in effects if isinstance(it, OfferLine)]
            assert offered == ([confirmed] if drawn else [])
            dialogue = _dialogue(drawn=drawn)
            assert "rm -rf build" in _changed(_carried_out(dialogue, confirmed, task))


def test_the_rerun_key_asks_for_confirmation_in_the_input() -> None:
    chat = ChatDriver()
    chat.state.dialogue = _dialogue(drawn=True)
    task = ended(3, "Clean")
    chat.news(replace(task, args=("rm -rf build",)))
    chat.press("tab")
    sent = chat.press_and_confirm("r")
    assert not [it for it in sent if isinstance(it, Send)]
    assert chat.state.focus is Focus.INPUT
    assert chat.state.editor.text == ""
    chat.press("tab")
    assert chat.state.editor.text == "/rerun --yes 3"
    (sent,) = [it.request for it in chat.press("enter") if isinstance(it, Send)]
    assert isinstance(sent, GetTask)


def _carried_out(dialogue: Dialogue, line: str, task: Task) -> list[Effect]:
    """Carry out a line; answer a request to get a task with this one."""
    effects = dialogue.take_line(line)
    for effect in effects:
        if isinstance(effect, LookUp):
            answer = LookedUp(effect.number, look_up(effect.wanted))
            effects = [*effects, *dialogue.take_lookup(answer)]
        elif isinstance(effect, Send) and isinstance(effect.request, GetTask):
            number = effect.request.correlation_id
            found = TaskFound(task, None, number)
            effects = [*effects, *dialogue.take_reply(found)]
    return effects


def _changed(effects: list[Effect]) -> list[str]:
    sent = [it.request for it in effects if isinstance(it, Send)]
    edits = [it.args for it in sent if isinstance(it, EditTask)]
    return [*_added(effects), *(args[0] for args in edits if args)]


def test_agents_need_permission_for_commands_that_need_confirmation() -> None:
    config = Config(confirm=CONFIRM, agents=AgentsTable(ask=("sudo *",)))
    assert agents_rules(config).ask == ("sudo *", *CONFIRM)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "config" / "backburner"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('confirm = ["rm -rf*"]\n')
    return {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}


def _program(
    home: dict[str, str], tmp_path: Path, *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    return run_program(
        sys.executable,
        "-m",
        "backburner",
        *arguments,
        env=home,
        cwd=tmp_path,
        input=text,
    )


def test_an_unconfirmed_script_exits_with_2(
    tmp_path: Path, home: dict[str, str]
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    done = _program(home, tmp_path, "--ephemeral", text=f"!rm -rf {kept}\n")
    assert done.returncode == 2
    assert kept.is_dir()
    text = f'/task --yes "Clean" bash rm -rf {kept}\n'
    assert _program(home, tmp_path, "--ephemeral", text=text).returncode == 0
    assert not kept.exists()


def test_the_command_line_refuses_without_confirmation(
    tmp_path: Path, home: dict[str, str]
) -> None:
    where = ("--state-dir", str(tmp_path / "state"))
    kept = tmp_path / "kept"
    kept.mkdir()
    command = f"rm -rf {kept}"
    try:
        for verb in ("add", "run"):
            done = _program(home, tmp_path, verb, *where, command)
            assert done.returncode == 2
            assert "add --yes if you mean it" in done.stderr
            assert len(done.stderr.splitlines()) == 1
        assert kept.is_dir()
        done = _program(home, tmp_path, "add", "--json", "--yes", *where, command)
        assert json.loads(done.stdout)["args"] == [command]
    finally:
        _program(home, tmp_path, "end", *where)


def test_a_job_that_adds_a_task_uses_the_configuration_of_its_session(
    tmp_path: Path,
) -> None:
    config = tmp_path / "own.toml"
    config.write_text('confirm = ["rm -rf*"]\n')
    where = ("--state-dir", str(tmp_path / "state"), "--config", str(config))
    inner = f"{sys.executable} -m backburner add 'rm -rf {tmp_path}/kept'"
    environ = dict(os.environ)
    try:
        done = _program(environ, tmp_path, "run", *where, inner)
        assert done.returncode == 2
        assert "need confirmation" in done.stdout
        text = f"!{inner}\n"
        done = _program(environ, tmp_path, *where, "--host", "--plain", text=text)
        assert "need confirmation" in done.stdout
    finally:
        _program(environ, tmp_path, "end", *where[:2])
