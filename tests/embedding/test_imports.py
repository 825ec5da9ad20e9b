"""Modules that `import backburner.actors` loads, and names it exports."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import backburner.actors
from backburner.ui.dialogue.commands import REGISTRY
from patience import PATIENCE

ACTORS = Path(__file__).parents[2] / "actors"
NEEDED = {"backburner", "msgspec", "pykka", "typing_extensions"}
SLOW = {"asyncio", "multiprocessing", "pytest", "unittest", "urllib.request"}

IMPORTED = """
import json, sys
before = set(sys.modules)
from backburner.actors import {names}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported(names: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(names=names)],
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    return set(json.loads(done.stdout))


def test_the_library_imports_no_chat_and_no_unneeded_module() -> None:
    modules = imported("*")

    tops = {module.partition(".")[0] for module in modules}
    # Some compiled modules of the standard library are missing in the list of its
    # names.
    strangers = {top for top in tops - sys.stdlib_module_names if top[0] != "_"}
    assert strangers <= NEEDED
    assert not {module for module in modules if module.startswith("backburner.ui")}
    assert not modules & SLOW


def test_a_name_loads_its_package_and_no_session_code() -> None:
    modules = imported("AddTask, Task, TaskStatus")

    assert "backburner.actors.messages" in modules
    for room in ("journal", "kinds", "queue_actor", "session", "system"):
        assert f"backburner.actors.{room}" not in modules


def test_every_public_name_matches_its_typed_import() -> None:
    named = {
        alias.name: f"{backburner.actors.__name__}.{node.module}"
        for node in ast.walk(ast.parse((ACTORS / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }

    assert sorted(named) == backburner.actors.__all__
    for name, module in named.items():
        assert getattr(backburner.actors, name) is getattr(sys.modules[module], name)


def test_no_file_of_the_actors_imports_from_the_chat() -> None:
    imports = [
        (path.name, node.lineno)
        for path in ACTORS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and "ui" in (node.module or "").split("."))
        or (
            isinstance(node, ast.Import)
            and any(name.name.startswith("backburner.ui") for name in node.names)
        )
    ]

    assert imports == []


def test_every_public_name_exists_and_has_a_docstring() -> None:
    names = backburner.actors.__all__

    assert list(names) == sorted(names, key=str)
    assert len(set(names)) == len(names)
    for name in names:
        value: object = getattr(backburner.actors, name)
        if isinstance(value, type) or callable(value):
            assert value.__doc__, name


def texts_of(path: Path) -> set[str]:
    """Return the texts in a file that a person may read: all but its docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    }


def test_no_text_of_the_library_names_a_command_of_the_chat() -> None:
    # An embedder's users have neither these commands nor this command line's options,
    # except Ray's.
    names = "|".join(re.escape(it.name.lstrip("/")) for it in REGISTRY)
    command = re.compile(rf"(?<![\w/.}}])/(?:{names})\b|(?<!\w)--[a-z]")

    found = [
        (path.name, text)
        for path in ACTORS.rglob("*.py")
        for text in texts_of(path)
        if " " in text and "import" not in text
        if command.search(text.replace("ray start --head", ""))
    ]

    assert found == []
