"""Generated documents are current, links work, and example tests pass."""

from __future__ import annotations

import pkgutil
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import msgspec
import pytest
from backburner import actors
from backburner.actors.rules.record import Record
from backburner.ui.dialogue.commands import REGISTRY
from backburner.ui.dialogue.parse import parse
from backburner.ui.program.verbs import VERBS
from programs import run_program

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]
LONGEST_PARAGRAPH = 700
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def generate(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_program(sys.executable, root / "docs" / "generate.py", *options)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("actors", "ui", "docs"):
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=without)
    return tmp_path


def test_the_documents_are_current() -> None:
    done = generate(ROOT, "--check")

    assert (done.returncode, done.stderr) == (0, "")


STALE = {
    "ARCHITECTURE.md": ("| `rules/` |", "| `laws/` |"),
    "commands.md": ("/cancel", "/abandon"),
    "embedding.md": ("class Builder", "class Maker"),
    "messages.md": ("| `Drained` |", "| `Emptied` |"),
    "protocol.md": ("| `output_path` |", "| `output` |"),
    "testing.md": ("def test_", "def check_"),
}


def test_stale_documents_are_named_and_regenerated(copy: Path) -> None:
    current = {name: (copy / "docs" / name).read_text() for name in STALE}
    for name, (old, new) in STALE.items():
        assert old in current[name]
        (copy / "docs" / name).write_text(current[name].replace(old, new))

    checked = generate(copy, "--check")
    assert checked.returncode == 1
    assert sorted(checked.stderr.splitlines()) == [
        f"docs/{name} is stale; run: make docs" for name in sorted(STALE)
    ]

    assert generate(copy).returncode == 0
    assert {name: (copy / "docs" / name).read_text() for name in STALE} == current


def test_a_new_message_of_an_actor_makes_the_page_stale(copy: Path) -> None:
    runner = copy / "actors" / "runner_actor.py"
    runner.write_text(runner.read_text() + "\n_CANCEL = CancelTask(1)\n")
    queue = "from .messages import QueueRequest\n"
    runner.write_text(runner.read_text() + queue)

    done = generate(copy, "--check")

    assert done.stderr == "docs/messages.md is stale; run: make docs\n"


def test_an_import_cycle_between_packages_is_an_error(copy: Path) -> None:
    rules = copy / "actors" / "runtime" / "clock.py"
    rules.write_text(rules.read_text() + "\nfrom ..messages import Message\n")

    done = generate(copy, "--check")

    assert "these rooms import each other" in done.stderr


def test_a_message_that_no_code_creates_is_an_error(copy: Path) -> None:
    for name in ("control.py", "lookups.py"):
        maker = copy / "actors" / "queue" / name
        maker.write_text(
            re.sub(r"(?<!\w)GroupPaused\(.+?\)", "None", maker.read_text())
        )

    done = generate(copy, "--check")

    assert re.search(r"nobody makes .*GroupPaused", done.stderr)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())

    missing = [t for t in targets if not (document.parent / t).exists()]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_paragraph_of_a_document_is_too_long(document: Path) -> None:
    paragraphs = [it for it in document.read_text().splitlines() if it[:1] != "|"]

    assert [it for it in paragraphs if len(it) > LONGEST_PARAGRAPH] == []


def test_every_example_of_a_command_is_a_valid_command() -> None:
    lines = [line for spec in REGISTRY for line in spec.details]
    examples = [line.strip() for line in lines if line.startswith("  ")]

    assert examples
    for example in examples:
        parse(example)


def test_the_page_of_the_command_line_names_every_verb() -> None:
    table = [
        line
        for line in (ROOT / "docs" / "host.md").read_text().splitlines()
        if line.startswith("| `backburner ")
    ]
    named = {
        code.removeprefix("backburner ").split()[0]
        for line in table
        for code in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    }
    assert named == set(VERBS)


def test_the_example_tests_pass_where_they_are_copied_to(tmp_path: Path) -> None:
    examples = ROOT / "docs" / "examples" / "testing"
    shutil.copytree(examples, tmp_path, dirs_exist_ok=True)

    done = run_program(
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout


def test_the_reference_lists_exactly_the_public_names() -> None:
    api = (ROOT / "docs" / "api.md").read_text()
    named = re.findall(r"^::: ([\w.]+)$", api, re.MULTILINE)
    messages = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "messages.md").read_text()))
    public = {it for it in actors.__all__ if f"{actors.__name__}.{it}" not in named}

    assert sorted(public - messages) == []
    for name in named:
        assert pkgutil.resolve_name(name) is not None


def test_the_reference_lists_the_structs_in_public_fields() -> None:
    api = (ROOT / "docs" / "api.md").read_text()
    paths = re.findall(r"^::: ([\w.]+)$", api, re.MULTILINE)
    paths += [f"{actors.__name__}.{it}" for it in actors.__all__]
    public = [pkgutil.resolve_name(it) for it in paths]
    # Without those that hold objects, such as `JobContext`.
    structs = [
        it
        for it in public
        if isinstance(it, msgspec.StructMeta) and not issubclass(it, Record)
    ]

    unlisted = {
        used.__name__
        for struct in structs
        for field in msgspec.structs.fields(cast("type[msgspec.Struct]", struct))
        for used in (field.type, *get_args(field.type))
        if isinstance(used, msgspec.StructMeta) and used not in structs
    }

    assert unlisted == set()
