from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors.processes.spare import KEPT, SpareDescriptors
from descriptors import opened_by

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def spares() -> Iterator[SpareDescriptors]:
    spares = SpareDescriptors()
    spares.hold()
    yield spares
    spares.drop()


def _open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


class _Scarce:
    """An action that needs several released descriptors."""

    def __init__(self, needs: int, number: int = errno.EMFILE) -> None:
        self._needs = needs
        self._number = number
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._needs:
            raise OSError(self._number, os.strerror(self._number))
        return "done"


def test_held_descriptors_are_released(spares: SpareDescriptors) -> None:
    before = _open_files()
    spares.hold()
    assert len(_open_files() - before) == KEPT
    spares.drop()
    assert _open_files() == before


def test_an_action_uses_spares_that_are_restored_afterwards(
    spares: SpareDescriptors,
) -> None:
    before = len(_open_files())
    assert spares.use(_Scarce(KEPT)) == "done"
    assert len(_open_files()) == before
    assert spares.use(_Scarce(KEPT, errno.ENFILE)) == "done"


def test_an_action_that_never_succeeds_fails(spares: SpareDescriptors) -> None:
    action = _Scarce(1000)
    with pytest.raises(OSError, match="Too many open files"):
        spares.use(action)
    # One attempt before, one after each released spare, and one after the last.
    assert action.calls == KEPT + 2


def test_other_errors_cost_no_spare(spares: SpareDescriptors) -> None:
    action = _Scarce(1, errno.ENOENT)
    with pytest.raises(FileNotFoundError):
        spares.use(action)
    assert action.calls == 1


def test_a_reused_descriptor_number_is_not_closed() -> None:
    # Like a host that becomes a daemon and then opens its own files.
    spares = SpareDescriptors()
    spares.hold()
    held = {fd for fd, it in opened_by("self").items() if "backburner-spare" in it}
    for fd in held:
        os.close(fd)
    others: list[int] = []
    while not held <= set(others):
        others.append(os.open("/dev/null", os.O_RDONLY))
    with pytest.raises(OSError, match="Too many open files"):
        spares.use(_Scarce(1000))
    for fd in others:
        os.close(fd)
    spares.drop()
