"""The wheel and the source archive, installed in empty environments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
TYPED = Path(__file__).with_name("typed_host.py")
# Two environments are filled from a package registry.
pytestmark = [pytest.mark.timeout(600), pytest.mark.package]

WRONG = """
from backburner.actors import AddTask, Subscribe, TaskSystem

class Deaf:
    def tell(self, message: int, /) -> None: ...

Subscribe(Deaf())
AddTask("not a request")
TaskSystem().add("Build", 7)
TaskSystem().wait(1)
"""
WRONG_LINES = [("wrong.py", line) for line in (7, 8, 9, 10)]


class Built(NamedTuple):
    wheel: Path
    archive: Path


class Installed(NamedTuple):
    wheel: Path
    archive: Path


def run(
    *command: str | Path, cwd: Path | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # The environment must suffice.
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )


def run_well(*command: str | Path, cwd: Path | None = None) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = tmp_path_factory.mktemp("source")
    for folder in ("package", "actors", "ui"):
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=without)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    run_well(sys.executable, "-m", "build", "--no-isolation", cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    (archive,) = (source / "dist").glob("*.tar.gz")
    return Built(wheel, archive)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    def install(package: Path) -> Path:
        environment = tmp_path_factory.mktemp("empty")
        python = environment / "bin" / "python"
        run_well(sys.executable, "-m", "venv", "--without-pip", environment)
        pip = (sys.executable, "-m", "pip", "--python", python)
        run_well(*pip, "install", "--quiet", "--disable-pip-version-check", package)
        return python

    with ThreadPoolExecutor() as both:
        return Installed(*both.map(install, built))


@pytest.mark.parametrize("package", Installed._fields)
def test_the_program_runs_where_it_is_installed(
    package: str, installed: Installed, tmp_path: Path
) -> None:
    python: Path = getattr(installed, package)
    program = python.with_name("backburner")

    assert run_well(program, "--version").startswith("backburner ")
    for command in ([program], [python, "-m", "backburner"]):
        line = '/task "Hello" bash echo hello\n'
        done = run(*command, "--ephemeral", "--json", cwd=tmp_path, stdin=line)
        assert done.returncode == 0, done.stderr
        assert '"last_line":"hello"' in done.stdout.replace(": ", ":")


@pytest.mark.parametrize("package", Installed._fields)
def test_an_embedder_needs_only_the_installed_packages(
    package: str, installed: Installed, tmp_path: Path
) -> None:
    python: Path = getattr(installed, package)

    done = run(python, EXAMPLES / "sync_script.py", cwd=tmp_path)

    assert done.stdout.startswith("Build: complete"), done.stderr


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hosts")
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    (folder / "mopidy_extension.py").unlink()  # needs Mopidy
    shutil.rmtree(folder / "testing")  # needs pytest
    shutil.copy(TYPED, folder)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    return folder


def test_pyright_finds_exactly_the_errors(hosts: Path, installed: Installed) -> None:
    pyright = (sys.executable, "-m", "pyright", "--pythonpath", installed.wheel)

    done = run(*pyright, cwd=hosts)

    assert errors(done.stdout) == WRONG_LINES, done.stdout


def test_mypy_finds_exactly_the_errors(
    hosts: Path, installed: Installed, tmp_path: Path
) -> None:
    environment = ("--python-executable", installed.wheel, "--cache-dir", tmp_path)
    mypy = (sys.executable, "-m", "mypy", "--strict", *environment)

    done = run(*mypy, *sorted(hosts.glob("*.py")), cwd=hosts)

    assert errors(done.stdout) == WRONG_LINES, done.stdout


def errors(output: str) -> list[tuple[str, int]]:
    found = re.findall(r"([^/\s]+\.py):(\d+):.*\berror\b", output)
    return sorted({(file, int(line)) for file, line in found})
