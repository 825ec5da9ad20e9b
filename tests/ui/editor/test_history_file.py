from __future__ import annotations

import fcntl
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from backburner.ui.editor.history_file import (
    BUSY_LIMIT,
    LONGEST_INPUT,
    HistoryError,
    HistoryFile,
)
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history"


def test_a_missing_file_is_an_empty_history(path: Path) -> None:
    assert HistoryFile(path).load() == []
    assert not path.exists()


def test_inputs_are_loaded_in_order(path: Path) -> None:
    inputs = ["one", "two\nlines\tand a tab", "日本語 🇩🇪", '"quoted"\\', ""]
    for text in inputs:
        HistoryFile(path).append(text)
    assert HistoryFile(path).load() == inputs
    assert path.read_bytes().count(b"\n") == len(inputs)


@given(st.lists(st.text(), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_stored(path: Path, inputs: list[str]) -> None:
    path.unlink(missing_ok=True)
    file = HistoryFile(path)
    for text in inputs:
        file.append(text)
    assert file.load() == inputs


def test_half_a_character_is_replaced(path: Path) -> None:
    HistoryFile(path).append("a\ud800b")
    assert HistoryFile(path).load() == ["a?b"]


def test_only_the_owner_can_read_the_file(path: Path) -> None:
    path.touch(0o644)
    HistoryFile(path).append("secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_damaged_lines_are_skipped(path: Path) -> None:
    path.write_bytes(b'"one"\n{"not": "a string"}\n\n"\xff"\n"cut\n"two"\n"half')
    file = HistoryFile(path)
    assert file.load() == ["one", "two"]
    file.append("three")
    assert file.load() == ["one", "two", "three"]


def test_only_the_newest_inputs_are_kept(path: Path) -> None:
    file = HistoryFile(path, limit=3)
    for number in range(7):
        file.append(str(number))
        assert file.load() == [str(n) for n in range(number + 1)][-3:]
    assert path.read_text() == '"4"\n"5"\n"6"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_huge_input_is_not_stored(path: Path) -> None:
    HistoryFile(path).append("x" * (LONGEST_INPUT + 1))
    assert HistoryFile(path).load() == []


def test_an_input_appended_while_another_program_trims_the_file_is_kept(
    path: Path,
) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from backburner.ui.editor.history_file import HistoryFile\n"
        "file = HistoryFile(Path(sys.argv[1]), limit=3)\n"
        "file.append('ready')\n"
        "while True: file.load()\n"
    )
    cutter = subprocess.Popen([sys.executable, "-c", program, path])
    try:
        file = HistoryFile(path, limit=3)
        while not file.load():
            assert cutter.poll() is None
        for number in range(500):
            file.append(str(number))
            assert file.load()[-1] == str(number)
    finally:
        cutter.kill()
        cutter.wait()
    assert file.load() == ["497", "498", "499"]


def test_append_waits_for_the_lock(path: Path) -> None:
    file = HistoryFile(path)
    file.append("one")
    with path.open("rb") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        waiting = threading.Thread(target=file.append, args=("two",), daemon=True)
        waiting.start()
        waiting.join(0.1)
        assert path.read_text() == '"one"\n'
    waiting.join(PATIENCE)
    assert file.load() == ["one", "two"]


def test_concurrent_appends_lose_nothing(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from backburner.ui.editor.history_file import HistoryFile\n"
        "file = HistoryFile(Path(sys.argv[1]))\n"
        "for n in range(150): file.append(f'{sys.argv[2]} {n}')\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "ab"
    ]
    assert [process.wait(PATIENCE) for process in running] == [0, 0]
    texts = HistoryFile(path).load()
    for name in "ab":
        mine = [text for text in texts if text.startswith(name)]
        assert mine == [f"{name} {n}" for n in range(150)]


def test_append_reopens_a_replaced_file(path: Path) -> None:
    first, second = HistoryFile(path, limit=1), HistoryFile(path, limit=1)
    for text in "abc":
        first.append(text)
    second.load()
    first.append("d")
    assert second.load() == ["d"]
    assert path.read_text() == '"c"\n"d"\n'


def test_a_failed_write_is_reported(path: Path) -> None:
    path.mkdir()
    with pytest.raises(HistoryError, match=f"can't save .*{path}: Is a directory"):
        HistoryFile(path).append("one")
    with pytest.raises(HistoryError, match=f"can't read .*{path}: Is a directory"):
        HistoryFile(path).load()


def test_the_wait_for_a_locked_file_is_limited(path: Path) -> None:
    path.write_text('"old"\n')
    path.chmod(0o600)
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for use in (HistoryFile(path).load, lambda: HistoryFile(path).append("new")):
            begun = time.monotonic()
            with pytest.raises(
                HistoryError, match="another program has locked it; close"
            ):
                use()
            assert BUSY_LIMIT <= time.monotonic() - begun < PATIENCE
    assert path.read_text() == '"old"\n'
    HistoryFile(path).append("new")
    assert HistoryFile(path).load() == ["old", "new"]
