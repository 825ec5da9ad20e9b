from __future__ import annotations

import pytest
from backburner.ui.main import main


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
        (("--state-dir", ""), "no directory is named; give one"),
    ],
)
def test_an_invalid_option_says_which_value_to_give(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert f"argument {arguments[0]}: {says}" in capsys.readouterr().err
