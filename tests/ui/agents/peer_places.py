"""Where `make test-agents` puts the programs of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def environment_of(peer: str) -> Path:
    """Return where the programs of a peer are; skip the test if there are none."""
    folder = Path(os.environ.get("BACKBURNER_PEERS", ".venv-agents")).absolute() / peer
    if not (folder / ".done").exists():
        log = folder.with_name(f"{peer}.log")
        why = log.read_text().strip()[-300:] if log.exists() else "run make test-agents"
        pytest.skip(f"{peer} is not here: {why}")
    return folder
