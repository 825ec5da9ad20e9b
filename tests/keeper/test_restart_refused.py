"""A `host restart` without a usable new host keeps the old one."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskStatus
from backburner.actors.host import starting
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import HostError
from patience import PATIENCE

from tests.faults.program import fill
from tests.host.sessions import Shell

if TYPE_CHECKING:
    from forked_program import ForkedProgram

pytestmark = pytest.mark.usefixtures("care")


def _is_refused(session: RemoteSystem, settings: HostSettings, why: str) -> None:
    """Request a restart that is refused with one line; the job must keep running."""
    task = session.add("Waits", "sleep", "1h")
    before = session.welcome.pid
    with pytest.raises(HostError) as refused:
        starting.restart(settings)
    text = str(refused.value)
    assert re.search(f"this one keeps running: .*{why}", text), text
    assert "\n" not in text
    assert session.get(task.id).status is TaskStatus.RUNNING
    assert session.welcome.pid == before
    session.cancel(task.id)
    session.wait(task.id, timeout=PATIENCE)


def test_a_restart_on_a_full_disk_is_refused(small_disk: Path) -> None:
    settings = HostSettings(directory=str(small_disk / "main"), grace=1.0)
    with RemoteSystem(settings) as session:
        task = session.add("Waits", "sleep", "1h")
        fill(small_disk, 4096)
        before = session.welcome.pid
        with pytest.raises(HostError, match=r"this one keeps running: .*No space left"):
            starting.restart(settings)
        assert session.get(task.id).status is TaskStatus.RUNNING
        assert session.welcome.pid == before
        (small_disk / "filler").unlink()
        starting.restart(settings).sock.close()
        session.cancel(task.id)
        session.wait(task.id, timeout=PATIENCE)
        session.end()


def test_a_restart_with_a_version_that_cannot_read_the_journal_is_refused(
    session: RemoteSystem, settings: HostSettings
) -> None:
    with sqlite3.connect(Path(settings.directory, "session.db")) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 99")
    _is_refused(session, settings, "newer version of this program .schema 99")
    with db:
        db.execute(f"PRAGMA user_version = {version}")
    db.close()


def test_a_restart_with_an_invalid_configuration_is_refused(
    tmp_path: Path, forked_program: ForkedProgram
) -> None:
    shell = Shell(tmp_path / "state", forked_program)
    assert shell("add", "--", "sleep 600").returncode == 0
    before = shell("host", "status").stdout
    bad = tmp_path / "config.toml"
    bad.write_text("slots = 'many'\n")
    refused = shell("host", "restart", "--config", str(bad))
    assert refused.returncode != 0
    assert refused.stderr.count("\n") == 1
    assert "slots" in refused.stderr
    assert shell("host", "status").stdout == before
    assert shell("host", "stop", "--force").returncode == 0
