"""The verbs of the program and of its command line parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.cli.parser import add_verbs, make_parser
from backburner.ui.program.options import SafeParser
from backburner.ui.program.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_verbs_of_the_parser_are_those_of_the_program() -> None:
    assert add_verbs(SafeParser()).keys() == {*VERBS}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("status", "x"), "unrecognized arguments: x; backburner status --help"),
        (("add", "--bogus", "--", "ls"), "arguments: --bogus; backburner add --help"),
        (("status", "5"), "arguments: 5; for one task: backburner show 3; backburner"),
        (("list", "--faild"), "--faild; did you mean --failed? backburner list --help"),
        (("add", "--timout=5", "--", "ls"), "=5; did you mean --timeout? backburner"),
        (("log", "--n", "3"), "arguments: --n; did you mean -n? backburner log --help"),
        (("add", "--workdir", "", "ls"), "--workdir: no directory is named; give one"),
        (("host", "stat"), "'logs'); did you mean status? backburner host --help"),
        (("host", "sotp"), "'logs'); did you mean stop? backburner host --help"),
        (("edit",), "the following arguments are required: id; backburner edit"),
        (("parallel", "0"), "'0' is not a number of tasks from 1 to 1000000; backb"),
    ],
)
def test_a_usage_error_of_a_verb_points_to_its_help(
    words: Sequence[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        make_parser(words[0]).parse_args(words[1:])
    assert refused.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("edit 42 --session x -- git log -- f", {"words": ["git", "log", "--", "f"]}),
        ("edit 42 -l x git log --oneline", {"words": ["git", "log", "--oneline"]}),
        ("edit 42 --label=x", {"words": [], "label": "x"}),
        ("add --timeout 5m make -j4 -- x", {"words": ["make", "-j4", "--", "x"]}),
        ("add --json -l x -- git log -- f", {"words": ["git", "log", "--", "f"]}),
        ("run --session x -- -x", {"words": ["-x"], "session": "x"}),
        ("send 3 --end yes really", {"id": 3, "text": ["yes", "really"], "end": True}),
        ("send 3 -5 --session x -- -y", {"text": ["-5", "-y"]}),
        ("send 3 -- -- x", {"text": ["--", "x"]}),
        ("send 3 -- git log -- x", {"text": ["git", "log", "--", "x"]}),
        ("rename 3 -- a -- b", {"text": ["a", "--", "b"]}),
        ("wait 1 --timeout 5 2 --any", {"ids": [1, 2], "timeout": 5.0}),
        ("cancel 1 --now 2", {"ids": [1, 2], "now": True}),
        ("kill 1 -s TERM 2", {"ids": [1, 2]}),
        ("log -fn 5 3", {"id": 3, "lines": 5, "follow": True}),
        ("log 3 -n5 --sess x", {"id": 3, "lines": 5, "session": "x"}),
        ("move 3 before --json 5", {"place": "before", "other": 5}),
        ("rename 3 new --session x name", {"text": ["new", "name"]}),
        ("export - --force", {"file": "-"}),
    ],
)
def test_options_may_stand_anywhere_before_a_command(
    line: str, expected: dict[str, object]
) -> None:
    verb, *words = line.split()
    options = vars(make_parser(verb).parse_args(words))
    assert {name: options[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "group a --parallel 1000001",
            "--parallel: '1000001' is not a number of tasks",
        ),
        ("parallel 1000001", "N: '1000001' is not a number of tasks from 1 to 1000000"),
        ("add --retry 1000001 true", "--retry: 1000001 is not a number from 0 to"),
        ("add --delay 99999999d true", "--delay: must be at most 1000000000 seconds"),
        ("add --timeout 0 true", "--timeout: must be more than 0 seconds"),
        ("add --priority 9999999 true", "--priority: 9999999 is not a number from -"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_option_and_the_range(
    line: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *words = line.split()
    with pytest.raises(SystemExit) as refused:
        make_parser(verb).parse_args(words)
    assert refused.value.code == 2
    assert f"argument {problem}" in capsys.readouterr().err
