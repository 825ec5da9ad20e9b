"""The verbs that the program starts with are those that the command line knows."""

from __future__ import annotations

from backburner.ui.cli.parser import add_verbs, make_parser
from backburner.ui.program.options import SafeParser
from backburner.ui.program.verbs import VERBS


def test_the_verbs_of_the_parser_are_those_of_the_program() -> None:
    assert make_parser() is not None
    assert add_verbs(SafeParser(), required=True).keys() == {*VERBS}
