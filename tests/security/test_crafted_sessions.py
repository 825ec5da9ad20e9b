"""Crafted journals and lock files give one clear line and do no harm."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from pty_session import PtySession, chat_command

from tests.faults.conftest import SEED
from tests.faults.program import SOAK, without_slow
from tests.security.crafted import CASES, COLUMNS, Session, choose, own, write_session

_HERE: Final = Path(__file__).parent
_PARTS: Final = 12 if SOAK else 3
_DRAWN: Final = 2000 if SOAK else 20
_DRAWN_CHATS: Final = 50 if SOAK else 2
_CHOSEN: Final = len(CASES) if SOAK else 250
"""The least number of cases; each column, field and value is among them."""
_CONTROL: Final = re.compile(r"[^\n\x20-\x7e\xa0-\u2027\u202f-\U0010ffff]")
_SLOWEST: Final = 60.0
"""Seconds; a tenth of a second is usual, and the rest allows for a busy machine."""


@functools.cache
def _apart() -> list[str]:
    """Return what starts a program that sees no other processes, where that can be.

    Each case searches all of them four times, which is a third of what it takes.
    """
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with contextlib.suppress(FileNotFoundError):
        if (
            subprocess.run(
                [*command, "true"], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return command
    return []


def _run(names: list[str], folder: Path) -> list[dict[str, Any]]:
    cases = folder / "cases.json"
    cases.write_text(json.dumps(names))
    done = subprocess.run(
        [*_apart(), sys.executable, _HERE / "forked_program.py", folder, cases],
        capture_output=True,
        text=True,
        check=True,
        timeout=850 if SOAK else 380,
        env={**os.environ, "PYTHONPATH": str(_HERE)},
    )
    assert done.stderr == "", f"BACKBURNER_SEED={SEED}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def _faults(result: dict[str, Any]) -> list[str]:
    errors = without_slow(result["err"])
    output = result["out"] + errors
    found = {
        "an exit status": {result["status"], result["again"]} - {0, 1, 2},
        "a traceback": "Traceback" in output or "nternal error" in output,
        "a control character": _CONTROL.findall(output),
        "more than one line": result["status"] == 2 and errors.count("\n") != 1,
        "a foreign file or process": result["harmed"],
        "something beside the session": result["left"] != ["main"],
        "a hang": result["seconds"] > _SLOWEST,
    }
    return [name for name, wrong in found.items() if wrong]


@pytest.mark.parametrize("part", range(_PARTS))
def test_a_crafted_session_does_no_harm_and_is_named_in_one_line(
    part: int, tmp_path: Path
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - chooses cases, keeps no secrets
    names = choose(chance, _CHOSEN)
    assert len(names) >= _CHOSEN
    names += [str(chance.randrange(1 << 32)) for _ in range(_DRAWN)]
    mine = names[part::_PARTS]
    results = _run(mine, tmp_path)
    faults = [(it["case"], _faults(it), it["err"][-800:]) for it in results]
    assert [it for it in faults if it[1]] == [], f"BACKBURNER_SEED={SEED}"
    # A harness that opened nothing would report no fault.
    aside = sum("set aside as" in it["out"] for it in results)
    assert 0 < aside < len(results)
    assert len(results) == len(mine), f"one ended its process; BACKBURNER_SEED={SEED}"


def test_the_drawn_chat_opens_a_crafted_session_and_ends(tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - chooses cases, keeps no secrets
    write_session(tmp_path / "template")
    for number, name in enumerate(chance.sample(sorted(CASES), _DRAWN_CHATS)):
        state = tmp_path / str(number)
        shutil.copytree(tmp_path / "template", state / "main")
        own(state / "main")
        with contextlib.suppress(FileNotFoundError, ValueError):
            CASES[name](Session(state / "main", os.getpid(), 0.0))
        with PtySession(chat_command(state, "--grace", "0")) as chat:
            chat.wait(
                lambda chat=chat: (
                    b"\x1b[?1049h" in chat.raw or chat.process.poll() is not None
                )
            )
            if chat.process.poll() is None:
                chat.process.send_signal(signal.SIGTERM)
            assert chat.wait_exit() in {2, 128 + signal.SIGTERM}, name
            output = bytes(chat.raw)
            assert b"Traceback" not in output, name
            assert b"nternal error" not in output, name


def test_every_column_is_crafted(tmp_path: Path) -> None:
    write_session(tmp_path / "main")
    with closing(sqlite3.connect(tmp_path / "main/session.db")) as db:
        columns = {
            name: tuple(row[1] for row in db.execute(f"PRAGMA table_info({name})"))
            for (name,) in db.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            ).fetchall()
        }
    assert columns == COLUMNS
    assert len(CASES) >= 500
