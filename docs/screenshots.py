"""Takes the pictures of the documents from the real program in a terminal emulator.

    make screenshots                  writes them to docs/images
    make screenshots ARGS="--to DIR"  writes them to another folder

It types the commands of a release day into a session with an empty home. The jobs are
real processes, but only print and sleep.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from pty_session import ATTRIBUTES_ONLY, PtySession, chat_command
from screen_picture import picture
from scripted_endpoint import ScriptedEndpoint, calls, says

IMAGES: Final = Path(__file__).with_name("images")
COLUMNS: Final = 100
ROWS: Final = 28
DARK: Final = {b"\x1b]11;?\x07": b"\x1b]11;rgb:1616/1919/1f1f\x07"}
"""The answer of a dark terminal to the query for its background."""

HOME: Final = "/home/ada"
"""Replaces the temporary home in the pictures."""

MAKEFILE: Final = """\
docs:
	@sleep 0.4; echo "42 pages in site/"

lint:
	@sleep 0.2; echo "scheduler.py:41: undefined name 'deadline'"; exit 1

test:
	@bash run-tests.sh

image:
	@echo "[3/8] RUN pip install ."; sleep 600
"""

RUN_TESTS: Final = r"""
modules=(cache config journal parser scheduler server)
cases=(empty one_entry many_entries unicode damaged_file interrupted)
for n in {1..31}; do
    name="test_${modules[(n - 1) / 6]}.py::test_${cases[(n - 1) % 6]}"
    result="\e[32mPASSED \e[0m"
    ((n == 24)) && result="\e[33mSKIPPED\e[0m"
    printf "%-36s $result [%3d%%]\n" "$name" $((2 * n))
    sleep 0.02
done
sleep 600
"""


RELEASE: Final = r"""
bar="########################"
printf '\e[1mRelease 2.4.0\e[m\n\n'
for part in wheel archive docs; do
    for n in {1..24}; do
        printf '\r  %-8s \e[36m%-24s\e[m %3d%%' $part "${bar:0:n}" $((n * 100 / 24))
        sleep 0.01
    done
    printf '\r  %-8s \e[32m%s\e[m done\n' $part "$bar"
done
read -p $'\nPublish it? [y/N] ' answer
printf '\e[32mpublished\e[m\n'
sleep 600
"""


CHECK: Final = """\
check:
	@test -e .cache || { touch .cache; echo "checkout.py:41: no .cache"; exit 1; }
	@echo "12 passed"
"""

CONVERSATION: Final = (
    calls(
        ("run", {"command": "make check", "description": "Run the checks", "wait": 0}),
        text="I run its tests.",
    ),
    says("They run as **#1**. I look at the result when it is there."),
    calls(("output", {"id": 1})),
    calls(
        ("rerun", {"id": 1, "wait": 0}),
        text="One test failed, since the folder was new:\n\n"
        "- `.cache` is made by the first run, so that a *second* one finds it.\n\n"
        "I run it again to be sure.",
    ),
    says("It runs again as **#2**."),
    says(
        "All 12 tests pass: **the checkout works**. `make check` needs two runs in a"
        " new folder; shall I mend that?"
    ),
)
"""The answers of the model in the last picture."""


def take_pictures(folder: Path) -> None:
    """Write all pictures into a folder."""
    with tempfile.TemporaryDirectory(prefix="backburner-") as home:
        project = Path(home, "project")
        project.mkdir()
        (project / "Makefile").write_text(MAKEFILE)
        (project / "run-tests.sh").write_text(RUN_TESTS)
        open_chat = partial(_chat, home, project)
        with open_chat("work", "--parallel", "2") as chat:
            _release_day(chat)
            _write(folder / "chat.svg", chat, home)
            _open_task(chat)
            _write(folder / "task.svg", chat, home)
        with open_chat("plans", "--parallel", "2") as chat:
            _plan(chat)
            _write(folder / "scheduling.svg", chat, home)
        (project / "release.sh").write_text(RELEASE)
        with open_chat("release", rows=ROWS - 6) as chat:
            _start_release(chat)
            _write(folder / "waiting.svg", chat, home)
            _open_release(chat)
            _write(folder / "terminal.svg", chat, home)
            _answer(chat)
            _write(folder / "keys.svg", chat, home)
        with ScriptedEndpoint(*CONVERSATION) as endpoint:
            config = Path(home, "partner.toml")
            config.write_text(f'[partner]\nurl = "{endpoint.url}"\nmodel = "small"\n')
            (project / "Makefile").write_text(CHECK)
            with open_chat("shop", "--config", str(config), rows=ROWS + 9) as chat:
                _talk(chat)
                _rename(chat, str(project), "/srv/shop")
                _write(folder / "partner.svg", chat, home)


def _chat(
    home: str, project: Path, session: str, *options: str, rows: int = ROWS
) -> PtySession:
    # The picture shows the path of an output file: a relative one is nobody's own.
    return PtySession(
        chat_command(Path("state"), "--session", session, *options),
        columns=COLUMNS,
        rows=rows,
        environ=_environ(home),
        cwd=project,
        answers={**DARK, **ATTRIBUTES_ONLY},
    )


def _environ(home: str) -> dict[str, str]:
    return {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        # The jobs call make, which would take itself for a part of `make screenshots`.
        "MAKEFLAGS": "",
        "MAKELEVEL": "0",
    }


def _release_day(chat: PtySession) -> None:
    chat.wait("A note to yourself")
    chat.send('/task "Build docs" bash "make docs"\r')
    chat.wait("✓ #1 complete  Build docs")
    chat.send('/task "Lint" bash "make lint"\r')
    chat.wait("✗ #2 failed    Lint  exit status 2")
    chat.send("deadline was renamed to due, fix before tagging\r")
    chat.wait("you  deadline was renamed")
    chat.send('/task "Run tests" bash "make test"\r')
    chat.wait("● #3 running   Run tests")
    chat.send('/task "Build image" bash "make image"\r')
    chat.wait("● #4 running   Build image")
    chat.send('/task "Deploy" bash "make deploy"\r')
    chat.wait("○ #5 queued    Deploy")
    chat.send('/task "Tell the team" bash "make mail"\r')
    chat.wait("○ #6 queued    Tell the team", "62%", "37%")
    # Tasks that have ended are seen in the panel for some seconds.
    chat.wait_gone("✗ #2  Lint")
    chat.send("/ca")
    chat.wait(
        "stop running tasks, drop queued ones",
        lambda: chat.cursor == (ROWS - 2, len("> /ca")),
    )


def _plan(chat: PtySession) -> None:
    """Create a group, a chain, a task with a delay, and two schedules."""
    chat.wait("A note to yourself")
    chat.send("/group builds --parallel 1\r")
    chat.wait("group builds: 1 at a time")
    chat.send('/task --group builds "Build image" bash "make image"\r')
    chat.wait("● #1 running   Build image")
    chat.send('/task --group builds "Build docs" bash "make docs"\r')
    chat.wait("○ #2 queued    Build docs")
    chat.send('/task --after 1 "Scan image" bash "make scan"\r')
    chat.wait("○ #3 queued    Scan image")
    chat.send('/task --after 3 --timeout 10m "Deploy" bash "make deploy"\r')
    chat.wait("○ #4 queued    Deploy")
    chat.send('/task --delay 10m "Tell the team" bash "make mail"\r')
    chat.wait("○ #5 queued    Tell the team")
    chat.send('/task --every 2h "Look for updates" bash "make outdated"\r')
    chat.wait("schedule 1: Look for updates")
    nightly = '--every "0 3 * * *" --zone Europe/Berlin'
    chat.send(f'/task {nightly} "Back up" bash "make backup"\r')
    chat.wait("schedule 2: Back up")
    chat.send("/schedules\r")
    chat.wait("Every", "└ Scan image", "  └ Deploy", "starts in 9m", "37%")


def _start_release(chat: PtySession) -> None:
    """Start a task with a terminal that asks a question."""
    chat.wait("A note to yourself")
    chat.send('/task --pty "Release" bash bash release.sh\r')
    chat.wait("#1 running   Release", "waits for input: Publish it? [y/N]")


def _open_release(chat: PtySession) -> None:
    chat.send("/show 1\r")
    chat.wait("Release 2.4.0", "docs     ####", "Publish it?", "i its terminal")


def _answer(chat: PtySession) -> None:
    """Use its terminal, and answer."""
    chat.send("i")
    chat.wait("#1 has the keys; Ctrl+] gives them back", "Publish it?")
    chat.send("y")
    chat.wait("Publish it? [y/N] y")


def _talk(chat: PtySession) -> None:
    """Talk to a model that runs the tests, reads the failure, and runs them again."""
    chat.wait("Say something to assistant")
    chat.send("does the checkout still work?\r")
    chat.wait("/allow 1   (Tab takes it)")
    chat.send("\t\r")
    chat.wait("/allow 2   (Tab takes it)")
    chat.send("\t\r")
    chat.wait("All 12 tests pass", "Say something to assistant")


def _rename(chat: PtySession, path: str, name: str) -> None:
    """Replace a path that differs in every run by a name."""
    for number, line in enumerate(chat.lines):
        if (at := line.find(path)) < 0:
            continue
        row = chat.screen.buffer[number]
        cells = [row[column] for column in range(COLUMNS)]
        named = [cells[at]._replace(data=it) for it in name]
        blank = [cells[-1]._replace(data=" ")] * (len(path) - len(name))
        rest = [*cells[:at], *named, *cells[at + len(path) :], *blank]
        for column, cell in enumerate(rest):
            row[column] = cell


def _open_task(chat: PtySession) -> None:
    chat.send("\x03")
    chat.wait("A note to yourself")
    chat.send("/show 3\r")
    chat.wait("#3 running  Run tests", "activity", "following", "[ 62%]", "Esc back")


def _write(file: Path, chat: PtySession, home: str) -> None:
    svg = picture(chat.screen, f"backburner-{file.stem}")
    file.write_text(as_at_home(svg, home), encoding="utf-8")


def as_at_home(svg: str, home: str) -> str:
    """Replace the temporary home in a picture by `HOME`.

    Rows keep their width.

    Raises:
        ValueError: If a path of this machine remains.
    """
    blanks = "&#160;" * (len(home) - len(HOME))
    pattern = re.compile(rf"{re.escape(home)}([^<]*)")
    svg = pattern.sub(lambda found: f"{HOME}{found[1]}{blanks}", svg)
    left = [it for it in (home, tempfile.gettempdir(), str(Path.home())) if it in svg]
    if left:
        raise ValueError(f"a picture shows paths of this machine: {', '.join(left)}")
    return svg


def main() -> int:
    """Take the pictures; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=IMAGES, metavar="DIR")
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    take_pictures(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
