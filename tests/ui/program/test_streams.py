"""Messages about system errors."""

from __future__ import annotations

from errno import EMFILE

import pytest
from backburner.ui.program.streams import say_refused


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(EMFILE, "Too many open files"), "Too many open files"),
        (OSError(EMFILE, "Too many open files", "a\x1b[2Jb"), "can't use ab: Too many"),
        (OSError("it was given up"), "it was given up"),
        (BrokenPipeError(32, "Broken pipe"), "Broken pipe"),  # of a socket
    ],
)
def test_only_an_error_of_standard_output_mentions_it(
    error: OSError, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say_refused(error) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"backburner: {text}")
    assert captured.err.count("\n") == 1
    assert "\x1b" not in captured.err
