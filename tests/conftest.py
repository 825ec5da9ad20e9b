"""What tests of every part share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["backburner.actors.testing.plugin"]

# A deadline for each example would fail on a busy machine, and say nothing of the code.
settings.register_profile("backburner", deadline=None)
settings.load_profile("backburner")


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds, for what sends no message: processes, files."""

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"still waiting after {PATIENCE:g} s")
            time.sleep(0.002)

    return until
