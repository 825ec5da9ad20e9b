"""The verbs of the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from conditions import until
from patience import PATIENCE
from process_ends import wait_ends
from programs import run_program
from pty_session import PtySession

if TYPE_CHECKING:
    from host_care import HostCare

    from tests.host.sessions import Shell


def test_add_starts_a_host_and_a_second_add_uses_it(
    shell: Shell, care: HostCare
) -> None:
    assert shell("add", "--", "echo hello").stdout == "added #1\n"
    assert shell("add", "-p", "--", "echo", "two words").stdout == "2\n"
    assert shell("wait").returncode == 0
    assert len(care.hosts()) == 1
    assert shell("log", "1").stdout == "hello\n"
    assert shell("log").stdout == "two words\n"


def test_a_task_gets_the_directory_the_environment_and_the_label(
    shell: Shell, tmp_path: Path
) -> None:
    shell("host", "start")
    words = ("-w", str(tmp_path), "-e", "COLOR=red", "-l", "Colors")
    assert shell("add", *words, "--", "pwd; echo $COLOR").returncode == 0
    assert shell("wait", "1").returncode == 0
    assert shell("log", "1").stdout == f"{tmp_path}\nred\n"
    assert json.loads(shell("show", "1", "--json").stdout)["description"] == "Colors"
    assert shell("add", "-w", "/nowhere", "--", "true").returncode == 2


def test_a_deleted_working_directory_affects_only_relative_paths(
    shell: Shell, tmp_path: Path
) -> None:
    def run(state: Path | str, *words: str) -> tuple[int, str, str]:
        script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
        verb = [*shell.command, "--state-dir", state, *words]
        done = run_program("sh", "-c", script, tmp_path / "gone", *verb)
        return done.returncode, done.stdout, done.stderr

    assert run(shell.state, "add", "--", "pwd") == (0, "added #1\n", "")
    error = (
        "backburner: can't tell where here is: the working directory: No such file or"
        " directory; use an absolute path\n"
    )
    assert run("here", "status") == (2, "", error)


def test_run_shows_the_output_and_exits_with_the_status_of_the_job(
    shell: Shell,
) -> None:
    done = shell("run", "--", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert "exit status 3" in done.stderr
    assert shell("run", "--", "kill -TERM $$").returncode == 128 + signal.SIGTERM
    assert shell("run", "--", "true").returncode == 0


def test_an_interrupted_run_keeps_its_task_running(shell: Shell) -> None:
    shell("host", "start")
    with shell.start("run", "--", "echo started; exec sleep 600") as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "started\n"
        program.send_signal(signal.SIGINT)
        assert "#1 keeps running" in program.stderr.read()
        assert program.wait(PATIENCE) == 130
    assert "#1" in shell("status", "--running").stdout


def test_a_run_that_does_not_start_says_why(shell: Shell) -> None:
    shell("add", "--", "true")
    shell("pause")
    with shell.start("run", "--", "true") as program:
        assert program.stderr is not None
        assert program.stderr.readline() == "#2 is queued: everything is paused\n"
        program.send_signal(signal.SIGINT)
        see = f"backburner log -f 2 --state-dir {shell.state}\n"
        assert f"#2 stays queued; see: {see}" in program.stderr.read()
        assert program.wait(PATIENCE) == 130


def test_status_lists_the_requested_tasks(shell: Shell) -> None:
    shell("add", "-l", "Good", "--", "true")
    shell("add", "-l", "Bad", "--", "false")
    shell("wait")
    listed = shell("status").stdout
    assert "Good" in listed
    assert "Failed: 1" in listed
    assert "Good" not in shell("list", "--failed").stdout
    (task,) = json.loads(shell("status", "--completed", "--json").stdout)
    assert (task["id"], task["status"]) == (1, "complete")


def test_wait_has_the_status_of_the_job_and_a_time_limit(shell: Shell) -> None:
    shell("add", "--", "exit 7")
    assert shell("wait", "1").returncode == 7
    shell("add", "--", "exec sleep 600")
    assert shell("wait", "2", "--timeout", "0.05").returncode == 124
    done = shell("wait", "--any", "1", "2")
    assert done.returncode == 7
    assert shell("wait", "9").returncode == 1


def test_log_can_follow_cut_and_search(shell: Shell, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    wait = f"while ! [ -e {go_on} ]; do sleep 0.01; done"
    shell("add", "--", f"seq 5; {wait}; echo end")
    with shell.start("log", "-f", "1") as program:
        assert program.stdout is not None
        assert [program.stdout.readline() for _ in range(5)][-1] == "5\n"
        go_on.touch()
        assert program.stdout.read() == "end\n"
        assert program.wait(PATIENCE) == 0
    assert shell("log", "1", "-n", "2").stdout == "5\nend\n"
    assert shell("log", "1", "-n", "0").stdout == ""
    assert shell("log", "1", "-n", "99").stdout == "1\n2\n3\n4\n5\nend\n"
    assert shell("log", "1", "--grep", "[24]").stdout == "2\n4\n"
    assert shell("log", "1", "--since", "8").stdout == "5\nend\n"
    assert shell("log", "1", "--grep", "[").returncode == 2


def test_log_prints_the_offset_to_continue_from(shell: Shell, tmp_path: Path) -> None:
    steps = [tmp_path / "one", tmp_path / "two"]
    waits = [f"while ! [ -e {it} ]; do sleep 0.01; done" for it in steps]
    # A write splits the second character of the second part.
    first, second, third = "echo one", r"printf 'a\303'", r"printf '\244b\n'"
    shell("add", "--", "; ".join([first, waits[0], second, waits[1], third]))
    shell("add", "--", "true")

    def printed(size: int) -> None:
        output = Path(json.loads(shell("show", "1", "--json").stdout)["output_path"])
        until(lambda: output.exists() and output.stat().st_size >= size)

    printed(4)
    done = shell("log", "1", "--since", "0")
    assert (done.stdout, done.stderr) == ("one\n", "next: --since 1:4\n")
    done = shell("log", "--since", "1:4")
    assert (done.stdout, done.stderr) == ("", "next: --since 1:4\n")
    steps[0].touch()
    printed(6)
    piece = json.loads(shell("log", "--since", "1:4", "--json").stdout)
    assert piece == {
        "id": 1,
        "status": "running",
        "offset": 4,
        "next": "1:5",
        "output": "a",
    }
    assert shell("log", "1", "--since", "4", "--grep", "a").stdout == ""
    steps[1].touch()
    shell("wait", "1")
    piece = json.loads(shell("log", "--since", piece["next"], "--json").stdout)
    assert piece["output"] == "äb\n"
    assert (piece["status"], piece["next"]) == ("complete", "1:9")
    (piece,) = map(json.loads, shell("log", "1", "--json").stdout.splitlines())
    assert piece["output"] == "one\naäb\n"
    grep = json.loads(shell("log", "1", "--grep", "x", "--json").stdout)
    assert (grep["output"], grep["next"]) == ("", "1:9")
    assert json.loads(shell("log", "--json").stdout)["id"] == 2
    for wrong in ("2:4", "x", "1:", ":4", "-1", "1:4:5"):
        refused = shell("log", "1", "--since", wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong


def test_log_shows_all_of_a_truncated_output(shell: Shell) -> None:
    shell("add", "--", "seq 100; exec > /dev/stdout; echo anew")
    shell("wait")
    done = shell("log", "1", "--since", "292")
    assert done.stdout == "anew\n"
    assert "bytes of output; all of it follows" in done.stderr
    assert "next: --since 1:5" in done.stderr


def test_log_writes_a_long_output_in_pieces(shell: Shell) -> None:
    shell("add", "--", "yes 1234567 | head -c 2500000")
    shell("wait")
    followed = shell("log", "-f", "--json").stdout
    pieces = [json.loads(line) for line in followed.splitlines()]
    assert len(pieces) == 3
    assert "".join(it["output"] for it in pieces) == shell("log").stdout
    assert [it["next"] for it in pieces[:-1]] == [
        f"1:{p['offset']}" for p in pieces[1:]
    ]
    lines = shell("log", "--grep", "4", "--json").stdout.splitlines()
    assert "".join(json.loads(it)["output"] for it in lines) == shell("log").stdout


def test_log_waits_for_a_task_that_has_not_started(shell: Shell) -> None:
    shell("add", "--stash", "--", "echo hello")
    with shell.start("log", "-f", "-n", "1", "1") as log:
        shell("enqueue", "1")
        assert log.communicate(timeout=PATIENCE)[0] == "hello\n"


def test_tasks_can_be_canceled_signaled_rerun_and_forgotten(shell: Shell) -> None:
    shell("add", "--", "exec sleep 600")
    shell("add", "--", "exec sleep 600")
    assert shell("cancel", "1").returncode == 0
    assert shell("wait", "1").returncode == 1
    done = shell("kill", "-s", "TERM", "2")
    assert (done.stdout, done.stderr) == ("sent SIGTERM to #2\n", "")
    assert shell("wait", "2").returncode == 128 + signal.SIGTERM
    assert shell("kill", "2").returncode == 1
    assert shell("rerun", "2").stdout == "added #3\n"
    assert shell("cancel", "--now", "3").returncode == 0
    shell("wait", "3")
    assert shell("clean").stdout == "forgot 3 finished tasks\n"
    assert shell("show", "1").returncode == 1


def test_a_changed_number_of_slots_applies_to_all_clients_of_the_host(
    shell: Shell,
) -> None:
    shell("add", "--", "exec sleep 600")
    assert shell("parallel").stdout == "up to 8 tasks run at a time\n"
    assert shell("parallel", "1").stdout == "up to 1 task runs at a time\n"
    assert shell("parallel", "--json").stdout == "1\n"
    assert json.loads(shell("host", "status", "--json").stdout)["slots"] == 1
    shell("add", "--", "exec sleep 600")
    assert "#2" in shell("status", "--queued").stdout
    shell("parallel", "2")
    assert "#2" in shell("status", "--running").stdout
    for wrong in ("0", "-1", "many", "9" * 400):
        assert shell("parallel", wrong).returncode == 2, wrong


def test_a_job_adds_tasks_to_its_own_session(shell: Shell) -> None:
    inner = f"{sys.executable} -m backburner add -- 'echo $BACKBURNER_TASK'"
    shell("run", "--", inner)
    shell("wait")
    mark = shell("log", "2").stdout.strip()
    assert mark.endswith(":2")
    assert "," not in mark


def test_an_invalid_value_gets_one_line(shell: Shell) -> None:
    shell("host", "start")
    for words, status in (
        (("add",), 2),
        (("add", "--", " "), 2),
        (("wait", "x"), 2),
        (("cancel", "5"), 1),
        (("show", "5"), 1),
        (("add", "--session", "a/b", "--", "true"), 2),
    ):
        done = shell(*words)
        assert done.returncode == status, words
        assert done.stderr
        assert "Traceback" not in done.stderr
    assert "backburner status" in shell("cancel", "5").stderr


def test_the_session_may_be_named_before_the_command(
    tmp_path: Path, care: HostCare
) -> None:
    del care
    state = ("--state-dir", str(tmp_path), "--session=work")
    words = [sys.executable, "-m", "backburner", *state, "--json", "add", "--", "true"]
    done = run_program(*words, check=True)
    assert json.loads(done.stdout)["id"] == 1
    assert (tmp_path / "work" / "session.db").exists()


@pytest.mark.parametrize(
    "words", [("log", "x"), ("status", "1"), ("add", "-e", "NAME", "true"), ("cancel",)]
)
def test_an_invalid_command_gets_one_line(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell(*words)
    (line,) = done.stderr.splitlines()
    assert line.endswith("--help shows how it is used")
    assert (done.returncode, done.stdout) == (2, "")


def test_only_adding_starts_a_host(shell: Shell, care: HostCare) -> None:
    for verb in ("status", "wait", "clean", "pause", "end"):
        done = shell(verb)
        assert done.returncode == 1
        assert "there is no session 'main'" in done.stderr
    assert care.hosts() == []
    assert shell("add", "--stash", "--", "true").returncode == 0
    assert shell("end").returncode == 0
    for verb in ("status", "clean", "drain", "end"):
        done = shell(verb)
        assert done.returncode == (0 if verb == "status" else 1)
        (line,) = done.stderr.splitlines()
        assert line.startswith(
            "backburner: session 'main' has no host, so none of its tasks is running;"
            " `backburner host start --state-dir "
        )
        assert " starts one, and its queued tasks" in line
        assert ("; then repeat: backburner" in line) is (verb in {"clean", "drain"})


def test_a_host_can_be_started_inspected_and_stopped(
    shell: Shell, care: HostCare
) -> None:
    assert "process" in shell("host", "start").stdout
    (host,) = care.hosts()
    assert json.loads(shell("host", "status", "--json").stdout)["pid"] == host.pid
    assert "main  host" in shell("sessions").stdout
    shell("add", "--", "exec sleep 600")
    listed = "main  host  1 running, 0 queued, 0 failed\n"
    until(lambda: shell("sessions").stdout == listed)
    refused = shell("host", "stop")
    assert refused.returncode == 1
    assert "#1" in refused.stderr
    assert shell("host", "restart").returncode == 0
    (other,) = care.hosts()
    assert other.pid != host.pid
    done = shell("end")
    assert done.stdout == "session main ended; ended #1 exec sleep 600\n"
    wait_ends([other])
    assert care.hosts() == []


def test_stopping_a_host_is_reported(shell: Shell) -> None:
    shell("host", "start")
    for _ in range(2):
        assert shell("host", "stop").stdout == "session main has no host now\n"


def test_rows_of_a_list_are_cut_to_the_width_of_a_terminal(shell: Shell) -> None:
    shell("run", "--", f"echo {'long ' * 40}")
    with PtySession(shell.line("status"), columns=60, rows=24) as session:
        assert session.wait_exit() == 0
        assert session.lines[1].endswith("...")
        assert session.lines[2].startswith("Running: 0 | ")
    assert "long " * 20 in shell("status").stdout


def test_a_host_runs_in_the_foreground_for_a_supervisor(shell: Shell) -> None:
    command = shell.line("host", "run")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as host:
        until(lambda: "main  host" in shell("sessions").stdout)
        status = json.loads(shell("host", "status", "--json").stdout)
        assert psutil.Process(status["pid"]).ppid() == host.pid  # the host's keeper
        second = run_program(*command)
        assert second.returncode == 1
        assert f"is open already, in process {status['pid']}" in second.stderr
        shell("add", "--", "exec sleep 600")
        host.send_signal(signal.SIGTERM)
        assert host.wait(PATIENCE) == 0


def test_waits_end_when_the_session_ends(shell: Shell) -> None:
    shell("add", "--", "exec sleep 600")
    with shell.start("wait", "--any", "1") as waiting:
        shell("end")
        assert waiting.wait(PATIENCE) != 0


def test_add_on_a_host_loads_no_more_than_it_needs(shell: Shell) -> None:
    shell("host", "start")
    program = (
        "import sys; before = set(sys.modules);"
        "from backburner.ui.start import main; status = main();"
        "print(*sorted(set(sys.modules) - before)); sys.exit(status)"
    )
    done = run_program(
        sys.executable,
        "-c",
        program,
        "add",
        "--state-dir",
        shell.state,
        "true",
        check=True,
        env={**os.environ},
    )
    added, modules = done.stdout.splitlines()
    assert added == "added #1"
    loaded = {name.partition(".")[0] for name in modules.split()}
    assert not loaded & {"msgspec", "pykka", "argparse", "socket"}
    assert "backburner.actors" not in modules.split()


def test_a_task_that_times_out_gives_exit_status_124(shell: Shell) -> None:
    done = shell("run", "--timeout", "300ms", "--", "echo begun; exec sleep 600")
    assert (done.returncode, done.stdout) == (124, "begun\n")
    assert "timed out after 0.3s" in done.stderr
    assert shell("wait", "1").returncode == 124


def test_add_has_an_option_for_each_term(shell: Shell) -> None:
    assert shell("add", "--stash", "-a", "3", "--", "true").returncode == 2
    assert shell("add", "--stash", "--priority", "5", "--", "true").returncode == 0
    assert shell("add", "-a", "1", "--timeout", "1h", "--", "true").returncode == 0
    task = json.loads(shell("show", "2", "--json").stdout)
    assert task["terms"] == {"after": [1], "timeout": 3600.0}
    assert task["reason"] == "waiting for #1"
    shown = shell("show", "2").stdout
    assert "timeout 1h, after #1" in shown
    assert "held" in shell("list").stdout
    assert shell("move", "2", "first").returncode == 0
    assert shell("move", "2", "before").returncode == 2
    assert shell("enqueue", "1").returncode == 0
    assert shell("wait", "2").returncode == 0
    refused = shell("stash", "1")
    assert refused.returncode == 1
    assert "no longer waits" in refused.stderr
    assert "not a whole number" in shell("add", "--priority", "x", "true").stderr


def test_the_queue_is_paused_and_groups_have_slots(shell: Shell) -> None:
    shell("host", "start")
    assert shell("pause").stdout == "everything is paused: no task starts\n"
    assert shell("add", "-g", "builds", "--delay", "1h", "--", "true").returncode == 0
    assert "group builds" in shell("show", "1").stdout
    assert re.search(r"starts     in (59m|1h 00m)", shell("show", "1").stdout)
    assert shell("group", "builds", "--parallel", "2").returncode == 0
    rules = json.loads(shell("group", "--json").stdout)
    (builds,) = rules["groups"]
    assert (builds["name"], builds["slots"], builds["paused"]) == ("builds", 2, False)
    running = "nothing is paused\ngroup builds: 2 at a time\n"
    assert shell("resume").stdout == running
    assert shell("group", "builds").returncode == 2
    assert shell("add", "--at", "whenever", "--", "true").returncode == 2


def test_queued_tasks_wait_as_before_after_the_host_was_killed(shell: Shell) -> None:
    shell("host", "start")
    shell("group", "builds", "--parallel", "1")
    shell("pause")
    for options in (
        ("--stash", "--priority", "4"),
        ("--after", "1"),
        ("--delay", "1h", "-g", "builds"),
        (),
    ):
        assert shell("add", *options, "--", "true").returncode == 0
    shell("move", "4", "before", "1")
    before, rules = shell("list", "--all", "--json").stdout, shell("group").stdout
    host = json.loads(shell("host", "status", "--json").stdout)
    os.kill(host["pid"], signal.SIGKILL)
    shell("host", "start")
    assert shell("list", "--all", "--json").stdout == before
    assert shell("group").stdout == rules
    assert "everything is paused" in rules
    shell("resume")
    shell("enqueue", "1")
    assert shell("wait", "4", "1", "2").returncode == 0
    task = json.loads(shell("show", "3", "--json").stdout)
    assert task["status"] == "queued"


def test_a_batch_is_added_from_a_range_a_file_and_standard_input(
    shell: Shell, tmp_path: Path
) -> None:
    assert shell("add", "--each", "1..3", "--", "echo part {}").stdout == (
        "added #1 to #3\n"
    )
    file = tmp_path / "list"
    file.write_text("a b\n# comment\nit's\n")
    added = shell(
        "add", "-p", "--batch", str(file), "-l", "On {}", "--", "echo", "<{}>"
    )
    assert added.stdout == "4\n5\n"
    assert shell("add", "--batch", str(tmp_path / "none")).returncode == 1
    done = run_program(
        *shell.command,
        "add",
        "--state-dir",
        str(shell.state),
        "--batch",
        "-",
        check=True,
        input="echo one; echo two\nexit 3\n",
    )
    assert done.stdout == "added #6 to #7\n"
    assert shell("wait", *map(str, range(1, 8))).returncode == 1
    outputs = [shell("log", str(it)).stdout for it in range(1, 7)]
    assert outputs == [
        *(f"part {it}\n" for it in (1, 2, 3)),
        "<a b>\n",
        "<it's>\n",
        "one\ntwo\n",
    ]
    names = [it["description"] for it in json.loads(shell("list", "--json").stdout)]
    assert names[2:6] == ["echo part 3", "On a b", "On it's", "echo one; echo two"]
    assert shell("run", "--each", "1..2", "--", "echo {}").returncode == 2
    assert shell("add", "--each", "1..2", "--", "echo").returncode == 2


def test_a_queued_task_can_be_edited_renamed_and_is_not_added_again(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("host", "start")
    assert shell("add", "--stash", "-g", "ci", "--", "echo one").returncode == 0
    again = shell("add", "--unless-queued", "-l", "X", "--", "echo one")
    assert again.stdout == "#1 is queued already\n"
    assert shell("add", "--unless-queued", "--stash", "--", "true").stdout == (
        "added #2\n"
    )
    assert shell("rename", "1", "New", "name").stdout == "#1 held\n"
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/one/two/; 1s/^/\ufeff/" "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    assert shell("edit", "1").returncode == 0
    task = json.loads(shell("show", "1", "--json").stdout)
    assert (task["args"], task["description"]) == (["echo two"], "New name")
    assert "nothing was changed" in shell("edit", "1").stderr
    monkeypatch.setenv("EDITOR", "")
    monkeypatch.delenv("VISUAL", raising=False)
    assert "no editor found" in shell("edit", "1").stderr
    assert shell("edit", "-l", "Last", "1", "--", "echo", "three").returncode == 0
    assert re.findall("#(\\d)", shell("status", "--group", "ci").stdout) == ["1"]
    assert re.findall("#(\\d)", shell("status", "-l", "last").stdout) == ["1"]
    shell("enqueue", "1")
    assert shell("wait", "1").returncode == 0
    assert shell("log", "1").stdout == "three\n"
    assert shell("edit", "1", "--", "true").returncode == 1
    assert shell("edit", "1").returncode == 2


def test_a_schedule_adds_tasks_until_it_is_removed(shell: Shell) -> None:
    made = shell("add", "--every", "1s", "-l", "Tick", "--", "echo tick")
    assert re.match(r"schedule 1: Tick, every 1s, next in 1s \(", made.stdout)
    words = ("--every", "0 9 * * *", "--zone", "Europe/Berlin", "--catch-up", "skip")
    assert shell("add", "-p", *words, "--", "true").stdout == "2\n"
    until(lambda: shell("wait", "1").returncode == 0)
    assert shell("log", "1").stdout == "tick\n"
    assert "added by schedule 1" in shell("show", "1").stdout
    assert shell("pause", "--schedule", "1").stdout.endswith(", paused\n")
    first, second = json.loads(shell("schedules", "--json").stdout)
    assert (first["paused"], second["zone"]) == (True, "Europe/Berlin")
    assert "0 9 * * * Europe/Berlin" in shell("schedules").stdout
    host = json.loads(shell("host", "status", "--json").stdout)
    os.kill(host["pid"], signal.SIGKILL)
    shell("host", "start")
    assert json.loads(shell("schedules", "--json").stdout) == [first, second]
    assert shell("unschedule", "1", "2").stdout.count("removed schedule") == 2
    assert shell("schedules").stdout == "No schedules.\n"
    assert shell("unschedule", "1").returncode == 1
    for wrong in (
        ("--every", "often"),
        ("--overlap",),
        ("--every", "1h", "--after", "1"),
    ):
        assert shell("add", *wrong, "--", "true").returncode == 2
    assert shell("run", "--every", "1h", "--", "true").returncode == 2


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("statuss", "did you mean status? "),
        ("ps", "did you mean status? "),
        ("rm", "did you mean cancel? "),
        ("follow", "did you mean log -f? "),
        ("\x1b[31m", ""),
    ],
)
@pytest.mark.parametrize("before", [(), ("--session", "work", "--json")])
def test_a_word_that_is_not_a_command_is_named(
    word: str, advice: str, before: tuple[str, ...]
) -> None:
    done = run_program(sys.executable, "-m", "backburner", *before, word, "more")
    shown = word.replace("\x1b[31m", "")
    text = f"unknown command '{shown}'; {advice}backburner --help lists the commands"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"backburner: {text}\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("help",), "    status           list tasks"),
        (("--help",), "    status           list tasks"),
        (("help", "add"), "usage: backburner add "),
    ],
)
def test_help_lists_the_commands(words: tuple[str, ...], text: str) -> None:
    asked = run_program(sys.executable, "-m", "backburner", *words, check=True)
    assert text in asked.stdout
