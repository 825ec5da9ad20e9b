from __future__ import annotations

import pytest
from backburner.ui.main import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--parallel", "0"),
            "'0' is not a number of tasks; give a whole number from 1",
        ),
        (("--parallel", "abc"), "'abc' is not a number of tasks"),
        (("--grace", "soon"), "'soon' is not a time to wait; give a number of seconds"),
        (("--grace", "nan"), "'nan' is not a time to wait"),
        (("--state-dir", ""), "no directory is named; give one"),
    ],
)
def test_an_option_that_makes_no_sense_says_what_to_give(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"argument {arguments[0]}: {says}" in capsys.readouterr().err
