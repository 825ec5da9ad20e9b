"""Foreign objects in place of a session's files: nothing outside is touched."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Final

import pytest
from backburner.actors import TaskStatus, TaskSystem, TaskSystemError
from backburner.actors.testing import running
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.faults.program import Program, soak_only
from tests.security.things import (
    OF_EVERY_SESSION,
    THINGS,
    is_untouched,
    make_victim,
    put,
    put_each,
)

_FOLDERS: Final = (".", "output")
_CLEAN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Return a file that nothing may change."""
    return make_victim(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a session that ran a task and was killed."""
    state = tmp_path / "state"
    with Program(state) as program:
        program.send("!echo hi", "/wait")
        program.wait_for(lambda it: it.event == "wait")
        program.kill()
    return state / "main"


def _refusal(folder: Path) -> str:
    with pytest.raises(TaskSystemError) as caught:
        TaskSystem(directory=folder).start()
    text = str(caught.value)
    assert _CLEAN.fullmatch(text)
    return text


@pytest.mark.parametrize("name", OF_EVERY_SESSION)
def test_only_an_own_file_is_opened(name: str, folder: Path, victim: Path) -> None:
    place = folder / name
    for thing in put_each(place, victim):
        text = _refusal(folder)
        assert text.startswith(f"can't use {place}: "), thing
        assert THINGS[thing][1] in text, thing
        assert is_untouched(victim), thing


@pytest.mark.parametrize("name", _FOLDERS)
def test_only_an_own_folder_is_used(name: str, folder: Path, victim: Path) -> None:
    place = folder / name
    other = victim.with_name("other")
    place.resolve().rename(other)
    place = Path(os.path.normpath(place))
    for thing, says in (
        (other, "it is a symbolic link; name the directory it leads to"),
        (victim.with_name("missing"), "it is a symbolic link"),
    ):
        place.symlink_to(thing)
        text = _refusal(folder)
        assert text.startswith(f"can't use {place}: ")
        assert says in text
        place.unlink()
    for thing in put_each(place, victim):
        if "link" not in thing and thing != "a directory":
            assert "not a directory; remove it" in _refusal(folder), thing
    assert is_untouched(victim)


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
@pytest.mark.parametrize("name", [".", "output"])
def test_a_folder_writable_by_others_is_refused_with_the_remedy(
    name: str, mode: int, folder: Path
) -> None:
    place = Path(os.path.normpath(folder / name))
    place.chmod(mode)
    text = _refusal(folder)
    assert text == (
        f"can't use {place}: others may write to it; run: chmod go-w {place}"
    )
    place.chmod(mode & ~0o022)
    with running(TaskSystem(directory=folder)) as system:
        assert system.get(1).status is TaskStatus.COMPLETE


def test_a_folder_replaceable_by_others_is_refused(folder: Path) -> None:
    state = folder.parent
    state.chmod(0o777)
    text = _refusal(folder)
    assert f"others may write to {state}, and so replace it" in text
    assert text.endswith(f"run: chmod go-w {state}")
    # As in /tmp, only the owner can rename its entries.
    state.chmod(0o1777)
    with running(TaskSystem(directory=folder)):
        pass


@pytest.mark.parametrize("umask", [0, 0o777])
def test_new_folders_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with running(TaskSystem(directory=tmp_path / "a/b/main")) as system:
            task = system.add("Print", "bash", "echo hi")
            system.wait(task.id, timeout=PATIENCE)
    finally:
        os.umask(before)
    # The job itself creates its output file.
    modes = {
        f"{path.stat().st_mode & 0o777:o} {'folder' if path.is_dir() else 'file'}"
        for path in (tmp_path / "a", *(tmp_path / "a").rglob("*"))
        if path.parent.name != "output"
    }
    assert modes == {"700 folder", "600 file"}


def test_a_file_system_whose_modes_are_fixed_is_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", refuse)
    monkeypatch.setattr(os, "fchmod", refuse)
    with running(TaskSystem(directory=tmp_path / "a/main")) as system:
        task = system.add("Print", "bash", "echo hi")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.COMPLETE


def test_a_link_in_the_path_is_followed_and_a_broken_link_is_named(
    folder: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder.parent)
    with running(TaskSystem(directory=link / "main")) as system:
        assert system.get(1).status is TaskStatus.COMPLETE
    link.unlink()
    link.symlink_to("nowhere")
    text = _refusal(link / "main")
    assert f"{link} is a symbolic link to nowhere, which does not exist" in text
    assert "make it writable" not in text
    assert "name another folder" in text
    link.unlink()
    link.symlink_to("link")
    assert "is a symbolic link to link, which leads back to it" in _refusal(
        link / "main"
    )


def test_a_rollback_journal_that_names_a_file_deletes_nothing(
    folder: Path, victim: Path
) -> None:
    """SQLite deletes the file named at the end of a rollback journal."""
    shutil.copy(folder / "session.db", folder / "copy")
    (folder / "session.db-wal").unlink()
    name = os.fsencode(victim)
    checksum = sum(name[i] - (256 if name[i] > 127 else 0) for i in range(len(name)))
    magic = bytes.fromhex("d9d505f920a163d7")
    header = magic + (0).to_bytes(4, "big") * 3 + (512).to_bytes(4, "big")
    header += (4096).to_bytes(4, "big")
    (folder / "session.db-journal").write_bytes(
        header.ljust(512, b"\0")
        + (1 << 30).to_bytes(4, "big")
        + name
        + len(name).to_bytes(4, "big")
        + (checksum % (1 << 32)).to_bytes(4, "big")
        + magic
    )
    (folder / "session.db-journal").chmod(0o600)
    with running(TaskSystem(directory=folder)) as system:
        assert "it was set aside as" in system.warnings[0]
    assert is_untouched(victim)
    assert [*folder.glob("session.db.damaged-*-journal")]


def test_a_log_of_any_size_without_its_journal_is_renamed(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    folder.mkdir(0o700)
    for name in ("session.db", "session.db-wal"):
        (folder / name).touch(0o600)
    os.truncate(folder / "session.db-wal", 1 << 40)
    with running(TaskSystem(directory=folder)) as system:
        assert system.warnings[0].startswith(
            f"{folder}/session.db was missing; what was left of it was set aside as "
        )


# Output files


def test_a_job_writes_only_to_its_own_file(tmp_path: Path, victim: Path) -> None:
    output = tmp_path / "main/output"
    with running(TaskSystem(directory=tmp_path / "main")) as system:
        for number, thing in enumerate(THINGS, 1):
            if not put(thing, output / f"{number}.log", victim):
                continue
            task = system.add("Print", "bash", "echo hi")
            (ended,) = system.wait(task.id, timeout=PATIENCE)
            assert ended.status is TaskStatus.FAILED, thing
            assert "can't write its output file" in ended.reason, thing
            assert is_untouched(victim), thing
        system.forget_finished()
    assert is_untouched(victim)


def test_output_is_read_only_from_a_regular_file(folder: Path, victim: Path) -> None:
    log = folder / "output/1.log"
    for thing in put_each(log, victim):
        if thing in {"a hard link", "a file that others may write"}:
            continue  # a regular file
        with Program(folder.parent) as program:
            program.send("/output 1", "/show 1", "/tasks", "/quit")
            program.close_input()
            assert program.wait() in {0, 1}, thing
            text = "".join(line.text for line in program.lines)
            assert "precious" not in text, thing
            assert program.errors() == "", thing
    assert is_untouched(victim)


# The whole program


@pytest.mark.parametrize("name", ["lock", "session.db", "session.db-wal", "output"])
def test_the_program_refuses_in_one_line(name: str, folder: Path) -> None:
    place = folder / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with Program(folder.parent) as program:
        assert program.wait() == 2
        assert re.fullmatch(
            f"backburner: can't .* {place}: it is a FIFO, not a .*\n", program.errors()
        )


_FILES: Final = (("history.jsonl", "chat.log"), ("history.jsonl.new",))


@pytest.mark.parametrize(
    ("names", "thing"),
    [
        pytest.param(
            names, thing, marks=[soak_only] if names == _FILES[1] and number % 3 else []
        )
        for names in _FILES
        for number, thing in enumerate(THINGS)
    ],
    ids=str,
)
def test_the_chat_opens_and_ends_with_anything_in_place_of_its_files(
    names: tuple[str, ...], thing: str, folder: Path, victim: Path
) -> None:
    # Enough lines to rewrite the history by way of a draft.
    (folder / "history.jsonl").write_text('"old"\n' * 2001)
    if not all(put(thing, folder / name, victim) for name in names):
        pytest.skip("only root can make devices")
    with PtySession(chat_command(folder.parent)) as chat:
        chat.wait(lambda: b"\x1b[?1049h" in chat.raw)
        # An object in place of a draft is deleted, unless it is a directory.
        if "history.jsonl.new" not in names or thing == "a directory":
            chat.wait("can't read the input history")
        if "chat.log" in names:
            chat.wait("can't write the log")
        chat.send("hello\r")
        chat.wait(lambda: "hello" in chat.text)
        chat.process.send_signal(signal.SIGTERM)
        assert chat.wait_exit() == 128 + signal.SIGTERM
    assert is_untouched(victim)
