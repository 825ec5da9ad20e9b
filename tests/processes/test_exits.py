from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator

import psutil
import pytest
from backburner.actors.processes import exits as exits_module
from backburner.actors.processes.exits import PidfdWatcher
from backburner.actors.runtime.dispatcher import Dispatcher
from backburner.actors.runtime.promise import Promise
from conditions import until
from descriptors import opened_by
from patience import PATIENCE


@contextlib.contextmanager
def _waiting(watcher: PidfdWatcher) -> Generator[None]:
    """Start a thread that waits for the watcher's exits."""
    dispatcher = Dispatcher("test", watcher)
    dispatcher.submit(lambda: None)
    yield
    dispatcher.close()


def _refuse_pidfds(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(pid: int) -> int:
        raise OSError(number, f"no pidfd for {pid}")

    monkeypatch.setattr(os, "pidfd_open", refuse)


@pytest.fixture(params=["pidfds", "too few files", "no pidfds"])
def watcher(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PidfdWatcher]:
    """Watch with pidfds, and in the two ways without them."""
    if request.param == "no pidfds":
        _refuse_pidfds(monkeypatch, errno.ENOSYS)
    elif request.param == "too few files":
        monkeypatch.setattr(exits_module, "LAST_FREE", 1 << 30)
    watcher = PidfdWatcher()
    with _waiting(watcher):
        yield watcher
    watcher.close()


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a starter of processes for this test; `cat` runs until its input ends."""
    with contextlib.ExitStack() as stack:

        def start(*argv: str) -> subprocess.Popen[bytes]:
            child = subprocess.Popen(argv, stdin=subprocess.PIPE)
            stack.enter_context(child)
            stack.callback(child.kill)
            return child

        yield start


Start = Callable[..., subprocess.Popen[bytes]]


def _wait_for_exit(child: subprocess.Popen[bytes]) -> None:
    """Block until a child has exited, without reaping it."""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def _open_files() -> int:
    return psutil.Process().num_fds()


def test_an_exit_is_reported_and_not_reaped(
    watcher: PidfdWatcher, start: Start
) -> None:
    exits: Promise[str] = Promise()
    child = start("bash", "-c", "exit 3")
    watcher.watch(child.pid, lambda: exits.tell("gone"))
    assert exits.get(PATIENCE) == "gone"
    assert child.poll() == 3


def test_a_running_process_is_not_reported(watcher: PidfdWatcher, start: Start) -> None:
    exits: Promise[str] = Promise()
    runs, ends = start("cat"), start("true")
    watcher.watch(runs.pid, lambda: exits.tell("cat"))
    watcher.watch(ends.pid, lambda: exits.tell("true"))
    assert exits.get(PATIENCE) == "true"
    assert runs.stdin is not None
    runs.stdin.close()
    assert exits.get(PATIENCE) == "cat"
    assert runs.poll() == 0


def test_a_stopped_process_has_not_exited(watcher: PidfdWatcher, start: Start) -> None:
    exits: Promise[str] = Promise()
    stopped, ends = start("cat"), start("true")
    watcher.watch(stopped.pid, lambda: exits.tell("cat"))
    stopped.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
    watcher.watch(ends.pid, lambda: exits.tell("true"))
    assert exits.get(PATIENCE) == "true"
    stopped.kill()
    assert exits.get(PATIENCE) == "cat"


def test_a_death_by_signal_is_reported(watcher: PidfdWatcher, start: Start) -> None:
    exits: Promise[str] = Promise()
    child = start("cat")
    watcher.watch(child.pid, lambda: exits.tell("gone"))
    child.kill()
    assert exits.get(PATIENCE) == "gone"
    assert child.poll() == -signal.SIGKILL


def test_an_exit_before_the_watch_is_reported(
    watcher: PidfdWatcher, start: Start
) -> None:
    exits: Promise[str] = Promise()
    child = start("true")
    _wait_for_exit(child)
    watcher.watch(child.pid, lambda: exits.tell("gone"))
    assert exits.get(PATIENCE) == "gone"
    assert child.poll() == 0


def test_simultaneous_exits_are_each_reported_once(
    watcher: PidfdWatcher, start: Start
) -> None:
    exits: Promise[int] = Promise()
    children = [start("cat") for _ in range(30)]
    for child in children:
        watcher.watch(child.pid, lambda pid=child.pid: exits.tell(pid))
    for child in children:
        child.kill()
    reported = [exits.get(PATIENCE) for _ in children]
    assert sorted(reported) == sorted(child.pid for child in children)
    with pytest.raises(TimeoutError):
        exits.get(0)


def test_a_call_that_fails_is_logged_and_the_others_are_made(
    watcher: PidfdWatcher, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    exits: Promise[str] = Promise()

    def fail() -> None:
        raise SystemExit("planted")

    watcher.watch(start("true").pid, fail)
    until(lambda: "planted" in caplog.text)
    watcher.watch(start("true").pid, lambda: exits.tell("gone"))
    assert exits.get(PATIENCE) == "gone"


def test_watching_leaves_no_file_open(watcher: PidfdWatcher, start: Start) -> None:
    exits: Promise[str] = Promise()
    before = _open_files()
    for _ in range(5):
        child = start("true")
        watcher.watch(child.pid, lambda: exits.tell("gone"))
        exits.get(PATIENCE)
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
    until(lambda: _open_files() <= before)


def _copy_of_pidfds() -> list[int]:
    """Hold copies of the pidfds, like a child that is just being forked."""
    opened = opened_by("self")
    return [os.dup(fd) for fd, it in opened.items() if "pidfd" in it]


def test_a_child_that_is_being_forked_is_harmless(
    watcher: PidfdWatcher, start: Start
) -> None:
    exits: Promise[str] = Promise()
    child = start("cat")
    watcher.watch(child.pid, lambda: exits.tell("first"))
    copies = _copy_of_pidfds()
    child.kill()
    assert exits.get(PATIENCE) == "first"
    watcher.watch(start("true").pid, lambda: exits.tell("second"))
    assert exits.get(PATIENCE) == "second"
    for copy in copies:
        os.close(copy)


def test_a_missing_process_has_exited(watcher: PidfdWatcher, start: Start) -> None:
    exits: Promise[str] = Promise()
    child = start("true")
    child.wait()
    watcher.watch(child.pid, lambda: exits.tell("gone"))
    assert exits.get(PATIENCE) == "gone"


def test_the_exit_of_a_foreign_process_is_reported(
    watcher: PidfdWatcher, start: Start
) -> None:
    exits: Promise[str] = Promise()
    parent = start("bash", "-c", "sleep 600 & read -r; kill $!; wait; exec sleep 600")
    (child,) = _children(parent.pid)
    watcher.watch(child, lambda: exits.tell("gone"))
    with pytest.raises(TimeoutError):
        exits.get(0.01)
    assert parent.stdin is not None
    parent.stdin.close()
    assert exits.get(PATIENCE) == "gone"


def _children(pid: int) -> list[int]:
    until(psutil.Process(pid).children)
    return [process.pid for process in psutil.Process(pid).children()]


def test_a_pending_exit_is_reported_on_close(start: Start) -> None:
    exits: Promise[str] = Promise()
    child = start("true")
    watcher = PidfdWatcher()
    watcher.watch(child.pid, lambda: exits.tell("gone"))
    _wait_for_exit(child)
    watcher.close()
    assert exits.get(0) == "gone"


def test_a_closed_watcher_drops_all_watches_and_leaves_no_file_open(
    start: Start,
) -> None:
    exits: Promise[str] = Promise()
    child = start("cat")
    before = _open_files()
    closed = PidfdWatcher()
    closed.watch(child.pid, lambda: exits.tell("closed"))
    closed.close()
    assert _open_files() == before
    watcher = PidfdWatcher()
    watcher.watch(child.pid, lambda: exits.tell("open"))
    child.kill()
    with _waiting(watcher):
        assert exits.get(PATIENCE) == "open"
    watcher.close()
    with pytest.raises(TimeoutError):
        exits.get(0)


def test_a_closed_watcher_watches_nothing(start: Start) -> None:
    child = start("cat")
    before = _open_files()
    watcher = PidfdWatcher()
    watcher.close()
    with pytest.raises(OSError, match="closed"):
        watcher.watch(child.pid, lambda: None)
    assert _open_files() == before


def test_waking_a_closed_watcher_writes_to_no_other_file() -> None:
    watcher = PidfdWatcher()
    watcher.close()
    # Take the lowest free descriptors, including those that the watcher closed.
    others = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(8)]
    watcher.wake()
    for other in others:
        with pytest.raises(BlockingIOError):
            os.eventfd_read(other)
        os.close(other)


def test_a_signal_handler_may_wake_during_a_wake() -> None:
    watcher = PidfdWatcher()
    handled = 0

    def wake(number: int, frame: object) -> None:
        nonlocal handled
        del number, frame
        handled += 1
        watcher.wake()

    before = signal.signal(signal.SIGALRM, wake)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        while handled < 500:
            watcher.wake()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        watcher.close()


def test_a_wait_ends_in_time_or_with_a_wake() -> None:
    watcher = PidfdWatcher()
    assert not watcher.wait(0.001)
    watcher.wake()
    assert watcher.wait(None)
    assert not watcher.wait(0)
    watcher.close()


def test_each_exit_is_reported_to_one_waiter(start: Start) -> None:
    watcher = PidfdWatcher()
    reported: Promise[int] = Promise()
    children = [start("true") for _ in range(20)]
    for child in children:
        _wait_for_exit(child)
        watcher.watch(child.pid, lambda pid=child.pid: reported.tell(pid))
    waiting = [threading.Thread(target=watcher.wait, args=(1,)) for _ in range(4)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENCE)
    pids = sorted(reported.get(0) for _ in children)
    assert pids == sorted(child.pid for child in children)
    with pytest.raises(TimeoutError):
        reported.get(0)
    watcher.close()


def test_the_watcher_leaves_the_last_free_descriptors() -> None:
    script = """
import os, resource, subprocess
from backburner.actors.processes.exits import LAST_FREE, PidfdWatcher
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
children = [subprocess.Popen(["sleep", "600"]) for _ in range(60)]
watcher, told = PidfdWatcher(), []
for child in children:
    watcher.watch(child.pid, lambda pid=child.pid: told.append(pid))
free = [os.open("/dev/null", os.O_RDONLY) for _ in range(LAST_FREE)]
for child in children:
    child.kill()
while len(told) < len(children):
    watcher.wait(None)
print(sorted(told) == sorted(child.pid for child in children))
"""
    child = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert child.stdout == b"True\n"


pytestmark = pytest.mark.skipif(
    not hasattr(select, "epoll"), reason="pidfds and epoll are Linux's"
)


def test_a_signal_handler_that_interrupts_a_wake_may_wait_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watcher, write = PidfdWatcher(), os.eventfd_write
    other = threading.Thread(target=watcher.wake)

    def interrupted(fd: int, value: int) -> None:
        monkeypatch.setattr(os, "eventfd_write", write)
        write(fd, value)
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive()

    monkeypatch.setattr(os, "eventfd_write", interrupted)
    watcher.wake()
    assert watcher.wait(0)
    watcher.close()


def test_closing_a_watcher_during_a_wake_writes_to_no_other_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watcher, write = PidfdWatcher(), os.eventfd_write

    def interrupted(fd: int, value: int) -> None:
        watcher.close()
        assert opened_by("self")[fd] == "anon_inode:[eventfd]"
        write(fd, value)
        os.close(fd)

    monkeypatch.setattr(os, "eventfd_write", interrupted)
    watcher.wake()
