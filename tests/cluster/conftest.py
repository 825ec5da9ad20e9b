"""Fixtures of the cluster tests: the processes of simulated clusters are forks."""

from __future__ import annotations

import subprocess

import pytest
from template import template


@pytest.fixture(autouse=True)
def _forked_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    forks = template("tests.cluster.fake_cluster", "tests.cluster.outliving")
    monkeypatch.setattr(subprocess, "Popen", forks.opener())
