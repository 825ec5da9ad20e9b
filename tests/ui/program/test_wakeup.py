from __future__ import annotations

import os
import signal
import subprocess
import threading

import pytest
from backburner.ui.program.wakeup import Wakeup
from patience import PATIENCE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_delivered_to_another_thread_is_returned(
    number: signal.Signals,
) -> None:
    waiting = threading.Event()

    def send() -> None:
        waiting.wait(PATIENCE)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    with Wakeup() as wakeup:
        sender.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        try:
            waiting.set()
            readable, signals = wakeup.wait(timeout=PATIENCE)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
            sender.join()
    assert (readable, signals) == ((), (number,))


def test_a_nudge_is_not_a_signal() -> None:
    with Wakeup() as wakeup:
        wakeup.nudge()
        assert wakeup.wait(timeout=PATIENCE) == ((), ())


def test_leaving_restores_the_signal_handlers() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with Wakeup((signal.SIGUSR1,)):
        assert signal.getsignal(signal.SIGUSR1) is not before
    assert signal.getsignal(signal.SIGUSR1) == before
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_ignored_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Wakeup() as wakeup:
            assert signal.getsignal(number) is signal.SIG_IGN
            os.kill(os.getpid(), number)
            assert wakeup.wait(timeout=0) == ((), ())
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_only_the_waiting_thread_receives_signals_and_misses_none() -> None:
    blocked: list[set[int]] = []
    with Wakeup((signal.SIGCONT,)) as wakeup:
        other = threading.Thread(
            target=lambda: blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        )
        other.start()
        other.join()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGCONT)
        heard: set[int] = set()
        while len(heard) < 2:
            # A thread older than this test may have received a signal, and be slow.
            _, signals = wakeup.wait(timeout=PATIENCE)
            assert signals
            heard.update(signals)
    assert {signal.SIGTERM, signal.SIGCONT, signal.SIGINT} <= blocked[0]
    assert heard == {signal.SIGTERM, signal.SIGCONT}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_a_process_started_while_listening_has_no_signal_blocked() -> None:
    command = ["grep", "SigBlk", "/proc/self/status"]
    with Wakeup() as wakeup, wakeup.listening():
        output = subprocess.run(command, capture_output=True, check=True).stdout
    assert int(output.split()[1], 16) == 0
