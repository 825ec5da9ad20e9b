"""The word at the cursor in a command, and how bash reads its completion."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from backburner.ui.dialogue.names import MOST, FindNames, find_names
from backburner.ui.dialogue.shell_words import last_word, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command", "start", "value", "quote"),
    [
        ("cat REA", 4, "REA", ""),
        ("cat ", 4, "", ""),
        ("", 0, "", ""),
        ("cat a;ls do", 9, "do", ""),
        ("sort <in", 6, "in", ""),
        ("make --file=Ma", 12, "Ma", ""),
        (r"cat my\ fi", 4, "my fi", ""),
        ("cat 'my fi", 4, "my fi", "'"),
        ('cat "my \\"fi', 4, 'my "fi', '"'),
        ("cat my' fi", 4, "my fi", "'"),
        ("cat 'a b' c", 10, "c", ""),
        ("cat a#b", 4, "a#b", ""),
        ("# so\ncat RE", 9, "RE", ""),
    ],
)
def test_the_last_word_is_found_by_the_rules_of_bash(
    command: str, start: int, value: str, quote: str
) -> None:
    word = last_word(command)
    assert word is not None
    assert (word.start, word.value, word.quote) == (start, value, quote)


@pytest.mark.parametrize(
    "command", ["cat $HOME/a", "cat *a", "ls # a", "cat \\", 'cat "a\\']
)
def test_a_word_that_bash_must_expand_is_left_alone(command: str) -> None:
    assert last_word(command) is None


def test_the_first_word_of_each_command_names_a_program() -> None:
    for command, expected in [
        ("ma", True),
        ("ls | gr", True),
        ("ls && gr", True),
        ("ls a", False),
        ("ls\nma", True),
        ("ls >ma", False),
    ]:
        word = last_word(command)
        assert word is not None
        assert word.is_command is expected, command


NAMES = ("plain.txt", "my file", "it's", 'a"b', "a$b`c", "tab\there", "new\nline", "ü")
NAMES_FOR_QUOTES = tuple(name for name in NAMES if name.isprintable())


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_bash_reads_a_quoted_name_as_the_same_file(tmp_path: Path, quote: str) -> None:
    for name in NAMES if not quote else NAMES_FOR_QUOTES:
        (tmp_path / name).write_text(name)
        before = f"cat {quote}./"
        word = last_word(before)
        assert word is not None
        text = written(word, name)
        assert text is not None
        command = before[: word.start] + text
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True
        )
        assert done.stdout.decode() == name


def test_completion_continues_a_folder_inside_its_quotes(tmp_path: Path) -> None:
    del tmp_path
    word = last_word("cat 'my fo")
    assert word is not None
    assert written(word, "my folder/") == "'my folder/"
    word = last_word("cat my")
    assert word is not None
    assert written(word, "my folder/") == "my\\ folder/"


def test_a_tilde_is_kept() -> None:
    word = last_word("cat ~/no")
    assert word is not None
    assert written(word, "notes here") == "~/notes\\ here "
    word = last_word("cat ~")
    assert word is not None
    assert written(word, "~/") == "~/"


def test_names_of_files_and_folders_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "do.txt").touch()
    (tmp_path / ".done").touch()
    folder = f"{tmp_path}/"
    assert find_names(FindNames(folder, "do")).names == ("do.txt", "docs/")
    assert find_names(FindNames(folder)).names == ("do.txt", "docs/")
    assert find_names(FindNames(folder, ".")).names == ("../", "./", ".done")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_names(FindNames("~/", "docs", expands=True)).names == ("docs/",)
    assert find_names(FindNames("", "~", expands=True)).names == ("~/",)
    monkeypatch.chdir(tmp_path)
    assert find_names(FindNames("", "doc")).names == ("docs/",)


def test_programs_are_found_in_the_path_of_bash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run-me").touch(0o755)
    (tmp_path / "run-not").touch(0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_names(FindNames("", "run-", programs=True))
    assert found.names == ("run-me",)


def test_a_missing_or_invalid_folder_has_no_names(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("gone/", "file/", "nul\0/"):
        assert find_names(FindNames(f"{tmp_path}/{folder}")).names == ()


def test_a_large_folder_is_read_in_part(tmp_path: Path) -> None:
    for number in range(MOST + 1):
        (tmp_path / f"{number}").touch()
    found = find_names(FindNames(f"{tmp_path}/"))
    assert len(found.names) == MOST
    assert not found.is_whole
