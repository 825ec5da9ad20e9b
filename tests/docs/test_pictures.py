"""The pictures of the README, and the script that generates them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
SVG = "http://www.w3.org/2000/svg"
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOLD = {file: told for told, file in re.findall(r"!\[([^]]*)\]\(([^)]*)\)", README)}
SEEN = {
    "chat": (
        "backburner work",
        '/task "Run tests" bash "make test"',
        "✓ #1 complete",
        "✗ #2 failed",
        "62%",
        "waiting for a slot (2 of 2 busy)",
        "/cancel ID",
    ),
    "scheduling": (
        "schedule 2: Back up, every 0 3 * * * Europe/Berlin",
        "└ Scan image",
        "└ Deploy",
        "waiting for a slot of builds (1 busy)",
        "starts in ",
    ),
    "waiting": (
        "#1 Release waits for input: Publish it? [y/N]",
        "? #1  Release",
        "/send 1 TEXT or /input 1",
    ),
    "terminal": ("Release 2.4.0", "archive  ####", "Publish it?", "its terminal"),
    "keys": ("#1 has the keys; Ctrl+] gives them back", "Publish it? [y/N] y"),
    "task": ("#3 running", "following", "test_server.py::test_empty", "Esc"),
}


def parsed(picture: Path) -> ET.Element:
    return ET.fromstring(picture.read_text(encoding="utf-8"))  # noqa: S314 - our own


def words_in(picture: Path) -> str:
    return "".join(parsed(picture).itertext()).replace("\xa0", " ")


def fills(picture: Path) -> Mapping[str, str]:
    """Return the color of each text."""
    root = parsed(picture)
    rules = re.findall(
        r"\.(\S+) \{ fill: (#\w+)", root.findtext(f".//{{{SVG}}}style", "")
    )
    colors = dict(rules)
    return {
        (text.text or "").strip("\xa0\n").replace("\xa0", " "): colors[
            text.get("class")
        ]
        for text in root.iter(f"{{{SVG}}}text")
        if text.get("class") in colors
    }


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the pictures again; return their folder."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run(
        [sys.executable, ROOT / "docs" / "screenshots.py", "--to", folder],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "helpers")},
        timeout=2 * PATIENCE,
        check=True,
    )
    return folder


def test_the_readme_opens_with_a_picture_of_the_chat() -> None:
    assert list(TOLD) == ["docs/images/chat.svg", "docs/images/task.svg"]
    assert README.index("docs/images/chat.svg") < README.index("\n## ")


@pytest.mark.parametrize("file", TOLD)
def test_a_picture_shows_its_words_and_has_a_text_alternative(file: str) -> None:
    words = words_in(ROOT / file)

    assert [w for w in SEEN[Path(file).stem] if w not in words] == []
    assert len(TOLD[file].split()) > 10


@pytest.mark.parametrize("file", TOLD)
def test_a_picture_has_no_external_references(file: str) -> None:
    svg = (ROOT / file).read_text(encoding="utf-8").replace(f'xmlns="{SVG}"', "")

    assert re.findall(r"https?:|href|@font-face|@import|url\((?!#)", svg) == []


@pytest.mark.parametrize("name", SEEN)
def test_the_script_reproduces_the_existing_pictures(taken: Path, name: str) -> None:
    words = words_in(taken / f"{name}.svg")

    assert [w for w in SEEN[name] if w not in words] == []


def test_a_picture_has_the_colours_of_the_screen(taken: Path) -> None:
    chat, task = fills(taken / "chat.svg"), fills(taken / "task.svg")

    assert chat["✗ #2 failed"] == "#ff5f5f"
    assert chat["62%"] == "#5fd7ff"
    assert task["PASSED"] != task["SKIPPED"]
