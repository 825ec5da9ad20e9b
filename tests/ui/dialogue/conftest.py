"""A dialogue for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.dialogue.talk import new_dialogue

if TYPE_CHECKING:
    from backburner.ui.dialogue.dialogue import Dialogue


@pytest.fixture
def dialogue() -> Dialogue:
    return new_dialogue()
