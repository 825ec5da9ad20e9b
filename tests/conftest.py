"""What tests of every part share."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable

# A deadline for each example would fail on a busy machine, and say nothing of the code.
settings.register_profile("backburner", deadline=None, max_examples=200)
settings.load_profile("backburner")


class Until(Protocol):
    """Waits for what can't send a message, such as a process or a file."""

    def __call__(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Return as soon as the condition holds.

        Raises:
            TimeoutError: If it did not within `timeout` seconds.
        """
        ...


def _until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"still waiting after {timeout:g} s")
        time.sleep(0.002)


@pytest.fixture(scope="session")
def until() -> Until:
    return _until
