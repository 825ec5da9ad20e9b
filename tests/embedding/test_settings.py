"""Invalid settings are refused when they are given, not when they are used."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from backburner.actors import BashKind, TaskSystem
from backburner.actors.testing import FakeKind, ManualClock


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"slots": 0}, "slots must be 1 to 1,000,000, not 0"),
        ({"slots": 1_000_001}, "slots must be 1 to 1,000,000"),
        ({"grace": -1.0}, "grace must be 0 or more seconds"),
        ({"grace": math.nan}, "grace must be 0 or more seconds"),
        ({"grace": math.inf}, "grace must be 0 or more seconds"),
        ({"history": -1}, "history must be 0 or more tasks"),
        ({"output_limit": -1}, "output_limit must be 0 or more bytes, not -1"),
        ({"session_output_limit": -1}, "session_output_limit must be 0 or more bytes"),
        ({"name": "a/b"}, "use up to 64 letters"),
        ({"name": ""}, "use up to 64 letters"),
        ({"name": "x" * 65}, "use up to 64 letters"),
        ({"kinds": [BashKind(), FakeKind("bash")]}, "rename one"),
        ({"directory": ""}, "directory must not be empty"),
        ({"adopt": True}, "adopt needs a directory"),
    ],
)
def test_an_invalid_setting_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TaskSystem(**settings)


class NoKind:
    """Has the name of a kind, but no methods."""

    name = "none"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"slots": "8"}, "slots must be int, not str"),
        ({"slots": "\udc80"}, "slots is not valid UTF-8; correct it"),
        ({"resources": 0}, "resources must be mapping, not int"),
        ({"slots": True}, "slots must be int, not bool"),
        ({"slots": 1.5}, "slots must be int, not float"),
        ({"grace": "5"}, "grace must be float, not str"),
        ({"history": None}, "history must be int, not None"),
        ({"output_limit": "1G"}, "output_limit must be int, not str"),
        ({"name": 7}, "name must be str, not int"),
        ({"directory": b"/tmp"}, "directory must be str or a path, not bytes"),
        ({"kinds": "bash"}, "kinds must be kinds, such as .*, not str"),
        ({"kinds": BashKind()}, "kinds must be kinds, such as .*, not BashKind"),
        ({"kinds": [BashKind]}, "^BashKind is a class, not a kind; give BashKind()"),
        ({"kinds": ["bash"]}, "^str is not a kind: name must be str; it has none"),
        ({"kinds": [NoKind()]}, "^NoKind is not a kind: usage must be str"),
        ({"clock": time}, "clock must have a method now; module has none"),
        ({"clock": ManualClock}, "clock must be an object, not the class ManualClock"),
        ({"engines": 3}, "engines must be a list, not int"),
        ({"engines": ["ray"]}, "an engine must have a method start; str has none"),
        ({"resources": ["gpu"]}, "resources must be mapping, not list or tuple"),
    ],
)
def test_a_setting_of_a_wrong_type_is_named(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        TaskSystem(**settings)


@pytest.mark.parametrize("name", ["", "a b", "a\tb", "it's", "-x", "a\\b"])
def test_a_kind_with_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can't be the name of a kind; give it one"):
        TaskSystem(kinds=[FakeKind(name)])
    TaskSystem(kinds=[FakeKind("größe:v1.2-x_3")])
