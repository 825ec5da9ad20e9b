"""Templates: the contents of files, trust, and the commands they run."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors import AddTask, BashKind, TaskRequest
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import OfferLine, Send, Show
from backburner.ui.dialogue.entries import Problem, Reply
from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up
from backburner.ui.dialogue.project_templates import FILE_NAME
from backburner.ui.dialogue.templates import FindTemplates, Templates, find_templates
from backburner.ui.program.config import Config, ConfigError, load
from backburner.ui.text.theme import icons_for
from programs import run_program

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from backburner.ui.dialogue.effects import Effect

PROJECT = """\
[template.test]
command = "pytest -x"
description = "Tests"
timeout = "10m"
retry = 2
need = ["gpu=1", "disk=2"]
group = "ci"
pty = true
env = { LEVEL = "3" }
directory = "sub"

[template.lint]
command = "ruff check {args} | tee log"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder of a project with templates; return the project."""
    folder = tmp_path / "project"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / FILE_NAME).write_text(PROJECT)
    monkeypatch.chdir(folder / "sub" / "deep")
    return folder


def _dialogue(
    tmp_path: Path, *, drawn: bool = True, confirm: tuple[str, ...] = ()
) -> Dialogue:
    config = tmp_path / "config.toml"
    config.write_text('[template.greet]\ncommand = "echo hello"\n')
    known = Templates.of(load(config), config, tmp_path / "state")
    return Dialogue(
        [BashKind()],
        icons_for("utf-8"),
        5.0,
        drawn=drawn,
        confirm=confirm,
        templates=known,
    )


def _say(dialogue: Dialogue, line: str) -> list[Effect]:
    """Carry out a line, including its lookups."""
    effects = dialogue.take_line(line)
    for effect in effects:
        if isinstance(effect, LookUp):
            answer = LookedUp(effect.number, look_up(effect.wanted))
            effects = [*effects, *dialogue.take_lookup(answer)]
    return effects


def _added(effects: list[Effect]) -> list[TaskRequest]:
    sent = [it.request for it in effects if isinstance(it, Send)]
    return [it.request for it in sent if isinstance(it, AddTask)]


def _problems(effects: list[Effect]) -> list[str]:
    shown = [it.entry for it in effects if isinstance(it, Show)]
    return [it.text for it in shown if isinstance(it, Problem)]


def _replies(effects: list[Effect]) -> str:
    shown = [it.entry for it in effects if isinstance(it, Show)]
    return "\n".join(line for it in shown if isinstance(it, Reply) for line in it.lines)


def _offered(effects: list[Effect]) -> list[str]:
    return [it.line for it in effects if isinstance(it, OfferLine)]


def test_a_template_of_the_configuration_runs_with_quoted_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dialogue = _dialogue(tmp_path)
    (request,) = _added(_say(dialogue, "/run greet 'a b' c;rm $HOME"))
    assert request.args == ("echo hello 'a b' 'c;rm' '$HOME'",)
    assert request.description == "greet 'a b' 'c;rm' '$HOME'"
    assert request.directory is None


def test_trust_in_a_project_covers_its_current_file(
    tmp_path: Path, project: Path
) -> None:
    dialogue = _dialogue(tmp_path)
    asked = _say(dialogue, "/run test -k foo")
    assert _added(asked) == []
    assert "pytest -x" in _replies(asked)
    (problem,) = _problems(asked)
    assert problem.startswith(f"not run: {project / FILE_NAME} is new or has changed")
    (trust,) = _offered(asked)
    trusted = _say(dialogue, trust)
    assert _problems(trusted) == []
    (again,) = _offered(trusted)
    assert again == "/run test -k foo"
    (request,) = _added(_say(dialogue, again))
    assert request.args == ("pytest -x -k foo",)
    assert request.description == "Tests -k foo"
    assert request.directory == str(project / "sub")
    assert request.environment == {**os.environ, "LEVEL": "3"}
    terms = request.terms
    assert terms is not None
    assert (terms.timeout, terms.retries, terms.group) == (600, 2, "ci")
    assert (terms.needs, terms.input) == ((("disk", 2), ("gpu", 1)), "terminal")
    # The trust also holds in another program.
    assert len(_added(_say(_dialogue(tmp_path), "/run lint 'a b'"))) == 1


def test_typed_options_take_precedence_over_those_of_the_template(
    tmp_path: Path, project: Path
) -> None:
    del project
    dialogue = _dialogue(tmp_path)
    _say(dialogue, *_offered(_say(dialogue, "/trust")))
    (request,) = _added(_say(dialogue, "/run --timeout 5s --priority 3 test"))
    assert request.terms is not None
    assert (request.terms.timeout, request.terms.priority) == (5, 3)
    assert request.terms.group == "ci"
    (request,) = _added(_say(dialogue, "/run lint 'a b' c"))
    assert request.args == ("ruff check 'a b' c | tee log",)


def test_a_changed_file_must_be_trusted_again(tmp_path: Path, project: Path) -> None:
    dialogue = _dialogue(tmp_path)
    (trust,) = _offered(_say(dialogue, "/trust"))
    file = project / FILE_NAME
    file.write_text(PROJECT.replace("pytest -x", "rm -rf ~"))
    assert "has changed since" in _problems(_say(dialogue, trust))[0]
    assert _added(_say(dialogue, "/run test")) == []
    file.write_text(PROJECT)
    _say(dialogue, trust)
    assert len(_added(_say(dialogue, "/run test"))) == 1
    file.write_text(PROJECT + "\n")
    assert _added(_say(dialogue, "/run test")) == []
    file.write_text(PROJECT)
    assert len(_added(_say(dialogue, "/run test"))) == 1


def test_a_copy_elsewhere_is_not_trusted(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialogue = _dialogue(tmp_path)
    _say(dialogue, *_offered(_say(dialogue, "/trust")))
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE_NAME).write_text((project / FILE_NAME).read_text())
    monkeypatch.chdir(other)
    assert _added(_say(dialogue, "/run test")) == []


def test_a_script_gets_one_line_on_how_to_trust(tmp_path: Path, project: Path) -> None:
    dialogue = _dialogue(tmp_path, drawn=False)
    effects = _say(dialogue, "/run test")
    assert (_added(effects), _replies(effects)) == ([], "")
    (problem,) = _problems(effects)
    assert str(project / FILE_NAME) in problem
    assert problem.endswith("trust it with: backburner trust")
    assert dialogue.misunderstood


def test_a_name_without_a_template_is_a_command_for_bash(
    tmp_path: Path, project: Path
) -> None:
    del project
    dialogue = _dialogue(tmp_path)
    (request,) = _added(_say(dialogue, "/run make -j4 && echo 'done'"))
    assert request.args == ("make -j4 && echo 'done'",)
    assert not dialogue.misunderstood


def test_a_name_similar_to_a_template_is_questioned(
    tmp_path: Path, project: Path
) -> None:
    del project
    dialogue = _dialogue(tmp_path)
    effects = _say(dialogue, "/run --timeout 5m tset -k tset")
    assert _added(effects) == []
    assert "no template is called tset; did you mean test?" in _problems(effects)[0]
    assert _offered(effects) == ["/run --timeout 5m test -k tset"]
    assert _added(_say(dialogue, "/run --timeout 5m make")) == []


def test_a_template_must_be_confirmed_like_any_command(tmp_path: Path) -> None:
    dialogue = _dialogue(tmp_path, confirm=("echo *",))
    effects = _say(dialogue, "/run --timeout 5m greet you")
    assert _added(effects) == []
    (line,) = _offered(effects)
    assert line == "/run --yes --timeout 5m greet you"
    (request,) = _added(_say(dialogue, line))
    assert request.args == ("echo hello you",)


def test_run_without_arguments_lists_the_templates(
    tmp_path: Path, project: Path
) -> None:
    dialogue = _dialogue(tmp_path)
    text = _replies(_say(dialogue, "/run"))
    assert "greet  echo hello" in text
    assert "test   Tests: pytest -x" in text
    assert f"the templates of {project / FILE_NAME} are not trusted yet" in text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[template.a]\n", "line 1: template.a.command: missing"),
        ("[template.a]\ncommand = 3\n", "line 2: template.a.command: expected a text"),
        (
            '[template.a]\ncommand = "x"\n\n[template.b]\ncommand = "x"\ntimout = "5m"',
            "line 6: template.b.timout: no such option; there are: command, descrip",
        ),
        (
            '[template.a]\ncommand = "x"\ntimeout = "soon"',
            "line 3: template.a.timeout: ",
        ),
        ('[template.a]\ncommand = "x"\nyes = true', "line 3: template.a.yes: no such"),
        ('[template.a]\ncommand = "x"\npty = "yes"', "pty: expected true or false"),
        ('[template.a]\ncommand = "x"\nretry = true', "retry: expected a text, a num"),
        (
            '[template.a]\ncommand = "x"\n[template.a.env]\nX = 3\n',
            "line 3: template.a.env: X: expected a text in quotes",
        ),
        ('[template.a]\ncommand = "x"\nenv = 3', "line 3: template.a.env: expected a"),
        (
            '[template.a]\ncommand = "x"\nzone = "UTC"',
            "template.a: --zone needs --every",
        ),
        ('[template."a b"]\ncommand = "x"\n', "line 1: template.a b: bad name"),
        ("template = 3", "line 1: template: expected tables"),
        ("slots = 3", "line 1: slots: no such setting here"),
        ("[template.a\n", "not valid TOML: "),
        ('[template]\na = "x"\n', "template.a: expected a table"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(
    tmp_path: Path, project: Path, text: str, error: str
) -> None:
    (project / FILE_NAME).write_text(text)
    for line in ("/run a", "/run something else", "/trust"):
        effects = _say(_dialogue(tmp_path), line)
        assert _added(effects) == []
        (problem,) = _problems(effects)
        assert problem.startswith(str(project / FILE_NAME))
        assert error in problem
        assert "\n" not in problem


def test_an_invalid_template_of_the_configuration_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('slots = 3\n[template.a]\ncommand = "x"\ndirectory = "sub"\n')
    with pytest.raises(ConfigError, match=r"line 4: template\.a\.directory: expected"):
        Templates.of(load(file), file, tmp_path)
    assert Templates.of(Config(), file, tmp_path).configured == ()


@pytest.mark.parametrize("change", ["directory", "pipe", "open to others", "binary"])
def test_an_unusable_project_file_is_refused(
    tmp_path: Path, project: Path, change: str
) -> None:
    file = project / FILE_NAME
    file.unlink()
    match change:
        case "directory":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "binary":
            file.write_bytes(b"\xff\xfe")
        case _:
            file.write_text(PROJECT)
            file.chmod(0o666)
    found = find_templates(FindTemplates(_dialogue(tmp_path).context.templates))
    assert found.problem
    assert str(file) in found.problem
    assert "\n" not in found.problem


def _program(
    where: Path, state: Path, verb: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return run_program(
        sys.executable,
        "-m",
        "backburner",
        verb,
        "--state-dir",
        str(state),
        *arguments,
        cwd=where,
        env={**os.environ, "XDG_CONFIG_HOME": str(state / "none")},
    )


def test_the_command_line_runs_trusted_templates(tmp_path: Path) -> None:
    state, folder = tmp_path / "state", tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    file = folder / FILE_NAME
    file.write_text(
        "[template.say]\ncommand = \"echo $WHAT; pwd; printf '<%s>'\"\n"
        'env = { WHAT = "it" }\ntimeout = "1m"\n'
    )
    run = ("run", "--template", "say")
    try:
        done = _program(folder / "sub", state, *run)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert f"trust --state-dir {state}" in done.stderr
        done = _program(folder / "sub", state, "trust")
        assert f"trusted {file} as it is now; its templates: say" in done.stdout
        done = _program(
            folder / "sub", state, *run, "--label", "Say", "--", "a b", "$x"
        )
        assert done.stdout == f"it\n{folder}\n<a b><$x>"
        assert done.returncode == 0
        done = _program(folder, state, "add", "-t", "say", "--timeout=5s", "--json")
        assert json.loads(done.stdout)["terms"]["timeout"] == 5
        listed = json.loads(_program(folder, state, "templates", "--json").stdout)
        assert [(it["name"], it["trusted"]) for it in listed] == [("say", True)]
        done = _program(folder, state, "run", "-t", "saya")
        assert "no template is called saya; did you mean say?" in done.stderr
    finally:
        _program(folder, state, "end")
