"""The locations of sessions and the configuration."""

from __future__ import annotations

import pytest
from backburner.ui.program.folders import config_file, state_folder


@pytest.mark.parametrize("unset", ["", " ", "relative", "./here"])
def test_folders_are_below_home_unless_a_variable_is_set(
    unset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_STATE_HOME", unset)
    monkeypatch.setenv("XDG_CONFIG_HOME", unset)
    assert state_folder() == "/home/me/.local/state/backburner"
    assert config_file() == "/home/me/.config/backburner/config.toml"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert state_folder() == "/state/backburner"
    assert config_file() == "/config/backburner/config.toml"


def test_a_given_folder_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_folder("/mine") == "/mine"
