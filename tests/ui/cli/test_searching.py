"""`backburner log --all --grep`, with a real host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from forked_program import ForkedProgram


def test_all_outputs_are_searched(
    tmp_path: Path, forked_program: ForkedProgram
) -> None:
    def run(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        where = ("--state-dir", tmp_path / "state")
        return forked_program(verb, *where, *words, cwd=tmp_path)

    try:
        run("add", "echo one; printf 'a needle \\033]0;x\\007here'")
        # A line across two parts, and a line longer than any part.
        run(
            "add",
            "yes hay | head -c 1048570; echo needle 2;"
            " head -c 3000000 /dev/zero | tr '\\0' x; echo needle 3",
        )
        run("add", "echo nothing")
        run("wait")
        found = run("log", "--all", "--grep", "needle")
        assert found.returncode == 0
        first, second, third = found.stdout.splitlines()
        assert first == "#1: a needle here"
        assert second.startswith("#2: ")
        assert second.endswith("needle 2")
        assert third.startswith("#2: xxx")
        by_pattern = run("log", "--all", "--grep", "^no.hing$")
        assert by_pattern.stdout == "#3: nothing\n"
        assert run("log", "--all", "--grep", "absent").returncode == 1
        for wrong in (("--all",), ("--all", "--grep", "("), ("--all", "1")):
            refused = run("log", *wrong)
            assert refused.returncode == 2
            assert len(refused.stderr.splitlines()) == 1
    finally:
        run("end")
