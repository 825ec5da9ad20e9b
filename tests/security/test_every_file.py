"""Every file that a session creates is covered by the attacks on files."""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import os
import re
import struct
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import (
    BashKind,
    FunctionKind,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
)
from backburner.actors.host.launch import LONGEST_LOG
from backburner.actors.testing import running
from backburner.ui.partner.memory import Memory, Record
from host_care import HostCare
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.security.things import (
    ALL_NAMES,
    OF_ADOPTION,
    OF_PARTNERS,
    OF_TASKS,
    THINGS,
    is_untouched,
    make_victim,
    put,
    put_each,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MADE: Final = 0x100 | 0x80  # IN_CREATE and IN_MOVED_TO of inotify(7)
_HEAD: Final = struct.Struct("iIII")
_FOLDERS: Final = {"output"}


class _Watch:
    """Records every name created in a folder, however short-lived."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._places: dict[int, str] = {}
        for place in ("", "output/"):
            watch = libc.inotify_add_watch(self.fd, bytes(folder / place), _MADE)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._places[watch] = place

    def names(self) -> set[str]:
        """Return the names, with every number replaced by 1."""
        return {re.sub(r"\d+", "1", it) for it in self._all()}

    def _all(self) -> Iterator[str]:
        while True:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return
            while data:
                watch, _, _, length = _HEAD.unpack_from(data)
                assert watch in self._places, "more than the system keeps"
                name = data[_HEAD.size : _HEAD.size + length].rstrip(b"\0")
                yield self._places[watch] + os.fsdecode(name)
                data = data[_HEAD.size + length :]


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Return a file that nothing may change."""
    return make_victim(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a new session."""
    folder = tmp_path / "state/main"
    (folder / "output").mkdir(mode=0o700, parents=True)
    folder.chmod(0o700)
    return folder


def test_the_attacks_cover_every_file_of_a_session(folder: Path) -> None:
    watch = _Watch(folder)
    functions = FunctionKind()
    system = TaskSystem(directory=folder, kinds=[BashKind(), functions], adopt=True)
    with running(system):
        call = system.submit(functions.request_for(fnmatch.filter, ["a.py"], "*.py"))
        assert functions.result(call.result(PATIENCE)) == ["a.py"]
    for name, content in (
        ("host.log", b"x" * (LONGEST_LOG + 1)),
        ("history.jsonl", b'"old"\n' * 2001),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    command = chat_command(folder.parent, host=True)
    with HostCare() as care, PtySession(command, environ=care.environ) as chat:
        chat.wait("A note to yourself")
        chat.send("!echo hi\r")
        chat.wait("✓ #2")
        chat.send("/quit --end\r")
        chat.wait_exit()
    made = watch.names() - _FOLDERS
    os.close(watch.fd)
    assert made <= ALL_NAMES, "put the new ones into things.py, and into a test"
    # Files of older SQLites, of keepers and of partners need not appear.
    assert ALL_NAMES - made <= {"session.db-journal", "exits", *OF_PARTNERS}


@pytest.mark.parametrize("name", OF_ADOPTION)
def test_process_notes_are_read_only_from_an_own_file(
    name: str, folder: Path, victim: Path
) -> None:
    for thing in put_each(folder / name, victim):
        system = TaskSystem(directory=folder, adopt=True)
        if name == "exits":
            with running(system):  # as if no process were known
                pass
        else:
            with pytest.raises(TaskSystemError) as caught:
                system.start()
            assert str(caught.value).startswith(f"can't use {folder / name}: "), thing
            assert THINGS[thing][1] in str(caught.value), thing
        assert is_untouched(victim), thing


@pytest.mark.parametrize("name", OF_TASKS)
def test_a_function_writes_only_to_its_own_file(
    name: str, tmp_path: Path, victim: Path
) -> None:
    functions = FunctionKind()
    directory = tmp_path / "main"
    with running(TaskSystem(directory=directory, kinds=[functions])) as system:
        for number, thing in enumerate(THINGS, 1):
            place = directory / name.replace("1", str(number))
            was_put = put(thing, place, victim)
            request = functions.request_for(fnmatch.filter, ["a.py"], "*.py")
            (ended,) = system.wait(system.add_request(request).id, timeout=PATIENCE)
            assert is_untouched(victim), thing
            # Only an empty file in place of the result may be replaced.
            if was_put and not name.endswith(".json"):
                assert ended.status is TaskStatus.FAILED, thing
            elif ended.status is TaskStatus.COMPLETE:
                assert functions.result(ended) == ["a.py"], thing
        system.forget_finished()
    assert is_untouched(victim)


@pytest.mark.parametrize("name", OF_PARTNERS)
def test_the_partner_stores_its_memory_only_in_its_own_file(
    name: str, folder: Path, victim: Path
) -> None:
    for thing in put_each(folder / name, victim):
        memory = Memory(folder)
        if name == "partner.jsonl":
            with pytest.raises(OSError, match=re.escape(THINGS[thing][1])):
                memory.claim(wait=False)
        else:
            memory.claim(wait=False)
            memory.add(
                *[Record("main", {"role": "user", "content": "x" * 99_999})] * 99
            )
            # An object in place of a draft is deleted, unless it is a directory.
            with contextlib.suppress(OSError):
                memory.load()
            memory.close()
            (folder / "partner.jsonl").unlink()
        assert is_untouched(victim), thing
