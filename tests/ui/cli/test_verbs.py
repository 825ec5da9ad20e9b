"""The verbs that the program starts with are those that the command line knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.cli.parser import add_verbs, make_parser
from backburner.ui.program.options import SafeParser
from backburner.ui.program.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_verbs_of_the_parser_are_those_of_the_program() -> None:
    assert make_parser() is not None
    assert add_verbs(SafeParser(), required=True).keys() == {*VERBS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "x"), "unrecognized arguments: x; backburner status --help"),
        (("add", "--bogus", "--", "ls"), "arguments: --bogus; backburner add --help"),
        (("edit",), "the following arguments are required: id; backburner edit"),
        (("parallel", "0"), "'0' is not a number of tasks from 1 to 1000000; backb"),
    ],
)
def test_what_a_verb_does_not_know_its_own_help_is_about(
    words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        make_parser().parse_args(words)
    assert refused.value.code == 2
    assert said in capsys.readouterr().err
