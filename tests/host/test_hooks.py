"""Hooks that notify of ends while no chat is open: a command, and ntfy."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import (
    Subscribed,
    TaskChanged,
    TaskFilter,
    Terms,
    Unsubscribe,
)
from backburner.actors.host import hooks
from backburner.actors.host.address import is_served
from backburner.actors.host.hooks import HookRunner
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import Hooks
from backburner.actors.host.starting import restart
from backburner.actors.testing import make_task
from conditions import until
from msgspec.structs import replace
from patience import PATIENCE

from tests.host.clients import Heard, keeper_of, suspend

if TYPE_CHECKING:
    from collections.abc import Generator

    from backburner.actors.host.settings import HostSettings

Post = tuple[str, str, str]

COMMAND = r"""
{
    printf '%s\n' "$#" "$1" "$2" "$BACKBURNER_SESSION_NAME" "$BACKBURNER_ID"
    printf '%s\n' "$BACKBURNER_DESCRIPTION" "$BACKBURNER_STATUS" "$BACKBURNER_REASON"
    printf '%s\n' "$BACKBURNER_EXIT_CODE" "$BACKBURNER_OUTPUT" "${BACKBURNER_TASK-none}"
} > "$NOTES.new" && mv "$NOTES.new" "$NOTES.$BACKBURNER_ID"
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the prefix of the files that the hook command writes."""
    path = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(path))
    return path


def test_the_hook_gets_the_end_in_its_arguments_and_environment(
    settings: HostSettings, notes: Path
) -> None:
    hooked = replace(settings, hooks=Hooks(command=COMMAND))
    with RemoteSystem(hooked) as session:
        failed = session.add("Build\x1b[2J it", "bash", "exit 3")
        file = notes.with_suffix(".1")
        until(file.exists)
        (failed,) = session.wait(failed.id, timeout=PATIENCE)
    assert file.read_text().splitlines() == [
        "2",
        "backburner main: #1 failed",
        "Build it: exit status 3",
        "main",
        "1",
        "Build it",
        "failed",
        "exit status 3",
        "3",
        failed.output_path,
        "none",
    ]


def test_a_task_found_ended_at_the_start_runs_the_hook(
    settings: HostSettings, notes: Path
) -> None:
    hooked = replace(settings, hooks=Hooks(command=COMMAND))
    with RemoteSystem(hooked) as session:
        heard = Heard()
        session.subscribe(heard, which=TaskFilter.RUNNING)
        task = session.add("Lost", "bash", "echo $$; exec sleep 600")
        heard.wait_for(TaskChanged, lambda it: it.task.last_line is not None)
        job = psutil.Process(int(session.get(task.id).last_line or 0))
        host = psutil.Process(session.welcome.pid)
        keeper = keeper_of(session)
    # Without a keeper the exit of the job is not recorded.
    for process in (keeper, host, job):
        suspend(process)
    for process in (job, host, keeper):
        process.kill()
    for process in (job, host, keeper):
        process.wait(PATIENCE)
    with RemoteSystem(hooked):
        until(notes.with_suffix(".1").exists)


def test_no_hook_runs_while_a_chat_is_watched(
    settings: HostSettings, notes: Path
) -> None:
    hooked = replace(settings, hooks=Hooks(command=COMMAND))
    with RemoteSystem(hooked) as session:
        chat = Heard()
        session.subscribe(chat, shows=True)
        chat.wait_for(Subscribed)
        seen = session.add("Seen", "bash", "true")
        chat.wait_for(TaskChanged, lambda it: it.task.status.is_final)
        session.queue.tell(Unsubscribe(chat))
        session.add("Unseen", "bash", "true")
        # Hooks run one at a time: one for the first task would have run before.
        until(notes.with_suffix(".2").exists)
        assert not notes.with_suffix(f".{seen.id}").exists()


def test_a_failed_hook_is_logged_and_affects_nothing(settings: HostSettings) -> None:
    hooked = replace(settings, hooks=Hooks(command="exit 7", ntfy="http://127.0.0.1:1"))
    log = Path(settings.directory) / "host.log"
    with RemoteSystem(hooked) as session:
        session.wait(session.add("x", "bash", "true").id, timeout=PATIENCE)
        until(lambda: "notification failed" in log.read_text())
        assert "command ended with status 7" in log.read_text()
        session.wait(session.add("y", "bash", "true").id, timeout=PATIENCE)


@pytest.mark.parametrize("ending", ["end", "idle", "restart"])
def test_pending_notifications_are_sent_before_a_host_ends(
    settings: HostSettings, notes: Path, ending: str
) -> None:
    gate = notes.with_suffix(".gate")
    wait = f"touch {notes}.begun; until [ -e {gate} ]; do sleep 0.01; done;"
    linger = 0.01 if ending == "idle" else 0.0
    hooked = replace(settings, hooks=Hooks(command=wait + COMMAND), linger=linger)
    with RemoteSystem(hooked) as session:
        host = psutil.Process(session.welcome.pid)
        tasks = [session.add("x", "bash", "true").id for _ in range(3)]
        if ending == "end":
            tasks.append(session.add("y", "bash", "exec sleep 600").id)
        session.wait(*tasks[:3], timeout=PATIENCE)
        until(notes.with_suffix(".begun").exists)
        if ending == "end":
            session.end()

    def begin_again() -> None:
        restart(hooked).sock.close()

    restarting = threading.Thread(target=begin_again)
    if ending == "restart":
        restarting.start()
    else:
        until(lambda: not is_served(Path(settings.directory)))
    gate.touch()
    host.wait(PATIENCE)
    if ending == "restart":
        restarting.join(PATIENCE)
    for task in tasks:
        assert notes.with_suffix(f".{task}").exists()
    log = Path(settings.directory) / "host.log"
    assert "notifications" not in log.read_text()


def test_a_host_that_ends_names_the_notifications_it_did_not_send(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(hooks, "_LAST", 0.01)
    gate, begun, ended = (tmp_path / it for it in ("gate", "begun", "ended"))
    wait = f"touch {begun}; until [ -e {gate} ]; do sleep 0.01; done; touch {ended}"
    runner = HookRunner(Hooks(command=wait), "main")
    runner.finish()
    assert not caplog.messages
    for number in (1, 2, 3):
        runner.note(make_task(number, "failed"), 0, lambda: True, told=True)
    until(begun.exists)
    runner.finish()
    gate.touch()
    until(ended.exists)  # otherwise the folder is deleted before the hook sees its gate
    (text,) = caplog.messages
    assert text.startswith("The host ends before 3 notifications were sent: ")
    for number in (1, 2, 3):
        assert f"backburner main: #{number} failed" in text


@contextmanager
def ntfy() -> Generator[tuple[str, SimpleQueue[Post]]]:
    """Serve HTTP on localhost; yield the URL and the posts."""
    posts: SimpleQueue[Post] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length).decode()
            posts.put((self.path, self.headers["Title"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as there
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/my-topic", posts
        finally:
            server.shutdown()
            thread.join(PATIENCE)


def test_ntfy_receives_a_request_at_its_url(settings: HostSettings) -> None:
    with (
        ntfy() as (url, posts),
        RemoteSystem(replace(settings, hooks=Hooks(ntfy=url))) as session,
    ):
        session.add("Größe", "bash", "exit 2")
        path, title, body = posts.get(timeout=PATIENCE)
    assert (path, title) == ("/my-topic", "backburner main: #1 failed")
    assert body == "Größe: exit status 2"


def test_the_end_of_several_tasks_is_announced_once(settings: HostSettings) -> None:
    with (
        ntfy() as (url, posts),
        RemoteSystem(replace(settings, hooks=Hooks(ntfy=url, each=False))) as session,
    ):
        session.pause()
        first = session.add("First", "bash", "exit 2")
        session.add("Second", "bash", "true")
        session.add("Third", "bash", "true", terms=Terms(after_any=(first.id,)))
        session.resume()
        _, title, body = posts.get(timeout=PATIENCE)
        assert title == "backburner main: all done"
        assert sorted(body.removeprefix("all 3 tasks have ended: ").split(", ")) == [
            "1 failed",
            "2 complete",
        ]
        session.add("Alone", "bash", "exit 3")
        _, title, body = posts.get(timeout=PATIENCE)
        assert (title, body) == ("backburner main: #4 failed", "Alone: exit status 3")
        assert posts.empty()


def test_all_tasks_are_done_while_others_are_held_or_paused(
    settings: HostSettings,
) -> None:
    with (
        ntfy() as (url, posts),
        RemoteSystem(replace(settings, hooks=Hooks(ntfy=url, each=False))) as session,
    ):
        session.pause()
        stashed = session.add("Later", "bash", "true", terms=Terms(held=True))
        session.add("Then", "bash", "true", terms=Terms(after=(stashed.id,)))
        session.pause("ci")
        session.add("Test", "bash", "true", terms=Terms(group="ci"))
        session.add("First", "bash", "true")
        session.add("Second", "bash", "true")
        session.resume()
        _, title, body = posts.get(timeout=PATIENCE)
        assert title == "backburner main: all done"
        assert body == "2 tasks have ended: 2 complete; 3 are held or paused"


def test_the_hook_runs_for_all_done_after_the_last_end(
    settings: HostSettings, notes: Path
) -> None:
    hooked = replace(settings, hooks=Hooks(command=COMMAND))
    with RemoteSystem(hooked) as session:
        session.add("First", "bash", "exec sleep 600")
        session.add("Second", "bash", "true")
        until(notes.with_suffix(".2").exists)
        session.cancel(1)
        until(Path(f"{notes}.").exists)
    assert notes.with_suffix(".1").exists()
    assert Path(f"{notes}.").read_text().splitlines()[1:8] == [
        "backburner main: all done",
        "all 2 tasks have ended: 1 complete, 1 canceled",
        "main",
        "",
        "all tasks",
        "canceled",
        "all 2 tasks have ended: 1 complete, 1 canceled",
    ]
