"""Locations of the third-party programs that `make test-agents` installs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def environment_of(peer: str) -> Path:
    """Return the environment of a peer; skip the test if it isn't installed."""
    folder = Path(os.environ.get("BACKBURNER_PEERS", ".venv-agents")).absolute() / peer
    if not (folder / ".done").exists():
        log = folder.with_name(f"{peer}.log")
        why = log.read_text().strip()[-300:] if log.exists() else "run make test-agents"
        pytest.skip(f"{peer} is not here: {why}")
    return folder
