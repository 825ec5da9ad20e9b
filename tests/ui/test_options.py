from __future__ import annotations

from typing import Final

import pytest
from backburner.ui.agents.run import make_parser as make_mcp_parser
from backburner.ui.cli import lean_add
from backburner.ui.cli.parser import make_parser
from backburner.ui.main import main

# As from a variable of a script that is not set.
_NOTHING_NAMED: Final = (
    (("--state-dir", ""), "no directory is named; give one"),
    (("--session", ""), "no session is named; give a name"),
    (("--config", ""), "no file is named; give one"),
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--parallel", "0"),
            "'0' is not a number of tasks; use a whole number, 1 or more",
        ),
        (("--parallel", "abc"), "'abc' is not a number of tasks"),
        (("--grace", "soon"), "'soon' is not a number of seconds, 0 or more"),
        (("--grace", "nan"), "'nan' is not a number of seconds"),
        *_NOTHING_NAMED,
    ],
)
def test_an_invalid_option_says_which_value_to_give(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"argument {arguments[0]}: {says}" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "says"), _NOTHING_NAMED)
def test_each_verb_refuses_an_empty_session_option(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for parser in (make_parser("status"), make_mcp_parser()):
        with pytest.raises(SystemExit):
            parser.parse_args(arguments)
        assert f"argument {arguments[0]}: {says}" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--session", "--state-dir", "--workdir"])
def test_a_task_is_not_added_elsewhere_if_an_option_is_empty(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(lean_add, "connect", asked.append)
    # The full command line refuses it.
    assert lean_add.try_add([option, "", "true"]) is None
    assert not asked
