from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.config import Config, ConfigError, Notifications, load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_everything_can_be_set(path: Path) -> None:
    path.write_text(
        "slots = 2\ngrace = 1\nhistory = 10\noutput_limit = 1_000\n"
        'session_output_limit = 2_000\ntheme = "light"\n'
        "mouse = false\nascii = true\n"
        "[notifications]\nbell = false\ndesktop = false\nonly_when_unfocused = false\n"
    )
    quiet = Notifications(bell=False, desktop=False, only_when_unfocused=False)
    assert load(path) == Config(
        slots=2,
        grace=1.0,
        history=10,
        output_limit=1000,
        session_output_limit=2000,
        theme="light",
        mouse=False,
        ascii=True,
        notifications=quiet,
    )


def test_an_empty_file_gives_the_defaults(path: Path) -> None:
    path.touch()
    assert load(path) == Config()


def test_a_byte_order_mark_and_windows_line_endings_are_accepted(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfslots = 3\r\ngrace = 2\r\n")
    assert load(path) == Config(slots=3, grace=2)


def test_a_missing_file_gives_the_defaults_unless_it_was_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path.parent))
    assert load() == Config()
    (path.parent / "backburner").mkdir()
    (path.parent / "backburner" / "config.toml").write_text("slots = 3")
    assert load().slots == 3
    with pytest.raises(ConfigError, match=f"can't read {path}: No such file"):
        load(path)


def test_a_pipe_is_read_and_does_not_block_without_a_writer(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is a pipe without a writer"):
        load(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("w") as writer:
        writer.write("slots = 3")
        writer.flush()
        threading.Timer(0.05, writer.close).start()
        assert load(path).slots == 3
    os.close(reader)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('slots = "4"', "slots: expected a whole number, got a text"),
        ("slots = 0", "slots: expected a whole number >= 1"),
        ("slots = 4.5", "slots: expected a whole number, got a number"),
        ("grace = -1", "grace: expected a number >= 0.0"),
        ("grace = nan", "grace: expected a number >= 0.0"),
        ("grace = inf", "grace: expected a number <= 86400.0"),
        ("mouse = 1", "mouse: expected true or false, got a whole number"),
        ('theme = "pink"', "theme: expected one of auto, dark, light, got 'pink'"),
        ("theme = 3", "theme: expected a text, got a whole number"),
        ("notifications = 1", "notifications: expected a table, got a whole number"),
        (
            "[notifications]\nbell = 'loud'",
            "notifications.bell: expected true or false, got a text",
        ),
        (
            "[notifications]\nbel = true",
            "notifications.bel: no such setting; there are: bell, desktop, only_when",
        ),
        (
            '"col\\u001b[2Jor\\n" = 1',
            "color : no such setting; there are: slots, grace, history, output_limit,",
        ),
        ("slots", "not valid TOML: Expected '=' after a key"),
    ],
)
def test_an_error_names_the_file_the_key_and_the_expected_value(
    path: Path, text: str, problem: str
) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_an_error(path: Path) -> None:
    path.write_bytes(b"theme = '\xff'")
    with pytest.raises(ConfigError, match="not valid UTF-8"):
        load(path)
    with pytest.raises(ConfigError, match=f"{path.parent} is a directory, not a file"):
        load(path.parent)


def test_resources_are_numbers_or_amounts_with_a_unit(path: Path) -> None:
    path.write_text('[resources]\ngpu = 2\nmemory = "16G"\n')
    assert load(path).resources == {"gpu": 2, "memory": "16G"}
    path.write_text('[resources]\nmemory = "much"\n')
    with pytest.raises(ConfigError, match="resource memory: bad amount 'much'"):
        load(path)
