"""What an embedder can't have is refused when he asks for it, not when it is used."""

from __future__ import annotations

import math
from typing import Any

import pytest
from backburner.actors import BashKind, TaskSystem
from backburner.actors.testing import FakeKind


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"slots": 0}, "give at least 1"),
        ({"grace": -1.0}, "give seconds from 0"),
        ({"grace": math.nan}, "give seconds from 0"),
        ({"grace": math.inf}, "give seconds from 0"),
        ({"history": -1}, "give a number from 0"),
        ({"name": "a/b"}, "use up to 64 letters"),
        ({"name": ""}, "use up to 64 letters"),
        ({"name": "x" * 65}, "use up to 64 letters"),
        ({"kinds": [BashKind(), FakeKind("bash")]}, "rename one"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        TaskSystem(**settings)
