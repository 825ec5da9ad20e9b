"""The keeper itself: starts the host, and restarts it if it dies."""

import os
import sys
import time

from . import HOST_MODULE, IN_USE, LOCK, ORDERLY, RESTART, SERVES, signal
from .arguments import become, hand_over, held_text, take_from_stdin
from .orders import Orders

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_GIVEN = signal.SIGIO  # sent by the kernel when a host passes a descriptor
WAITED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, SERVES, _GIVEN}
"""The signals that wake the keeper."""

_MOST_IN_USE = 6  # attempts to start a host while another program has the session open
_MOST_IN_VAIN = 10  # attempts while no jobs need a host


class Keeper:
    """The state of the keeper: its host and its orphans."""

    def __init__(
        self,
        directory: str,
        *,
        foreground: bool,
        again: bool,
        lock: int | None,
        held: dict[int, int],
    ) -> None:
        self.directory = directory
        self.foreground = foreground
        self.again = again
        self.lock = lock
        self.orders = Orders(held, self.say)
        self.is_ready = False
        self.host = 0
        self.host_born = 0
        self.began = 0.0
        self.serves = False
        self.has_served = again
        self.in_use = 0
        self.restarts_at: float | None = None
        self.ends_with: int | None = None
        """A signal for the next host, which then ends the session."""

    def run(self, ready: int | None) -> int:
        """Run hosts until the session has ended; return the exit status."""
        if self.again:
            self.become_ready()
            self.orphans.read_marks()
        self.start(ready)
        while True:
            status = self.collect()
            if status is not None:
                return status
            number = self.wait()
            self.orders.take()
            if number == SERVES:
                self.note_service()
            elif number is not None and number in (signal.SIGTERM, signal.SIGINT):
                self.pass_on(number)
            if self.restarts_at is not None and time.monotonic() >= self.restarts_at:
                self.start(None)

    def wait(self) -> int | None:
        """Block until there is a signal, or a host is to be started."""
        if self.restarts_at is None:
            return signal.sigwait(WAITED)
        left = max(0.0, self.restarts_at - time.monotonic())
        found = signal.sigtimedwait(WAITED, left)
        return None if found is None else found.si_signo

    def start(self, ready: int | None) -> None:
        """Start a host, which waits for its settings on stdin.

        While the host loads, this process completes its own setup.
        """
        self.restarts_at = None
        self.serves = False
        self.began = time.monotonic()
        settings, give = os.pipe()
        command = [sys.executable, "-P", "-m", HOST_MODULE, f"--keeper={os.getpid()}"]
        if self.foreground:
            command.append("--foreground")
        if self.has_served and self.orphans.all_noted:
            command.append("--all-noted")
        if ready is not None:
            command.append(f"--ready={ready}")
            os.set_inheritable(ready, True)
        own, store = self.orders.open()
        command += [
            f"--store={store.fileno()}",
            f"--held={held_text(self.orders.held)}",
        ]
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(settings, 0)
                for fd in (store.fileno(), *self.orders.held.values()):
                    os.set_inheritable(fd, True)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                if self.foreground:
                    # Ctrl+C goes only to the keeper, which passes it on once.
                    os.setpgid(0, 0)
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                os.execv(command[0], command)
            finally:
                os._exit(127)
        os.close(settings)
        store.close()
        if ready is not None:
            os.close(ready)
        self.host = pid
        if not self.is_ready:
            self.become_ready()
        from .proc import look

        found = look(pid)
        self.host_born = 0 if found is None else found[2]
        self.orders.hear(own)
        try:
            with open(give, "wb", buffering=0) as file:
                file.write(self.orders.settings)
        except BrokenPipeError:
            pass  # it has died

    def become_ready(self) -> None:
        """Set up everything that this process needs before a host may have jobs.

        This includes modules, which the start of the first host does not need.
        """
        from .files import take_lock
        from .orphans import Orphans
        from .pauses import Pauses

        self.orphans = Orphans(self.directory, self.say)
        self.pauses = Pauses()
        _be_subreaper()
        if self.lock is None:
            self.lock = take_lock(f"{self.directory}/{LOCK}")
        self.is_ready = True
        self.orders.settings = take_from_stdin()

    def note_service(self) -> None:
        """Record that the host serves; only the host sends that signal."""
        self.serves = self.has_served = self.orphans.all_noted = True
        self.in_use = 0
        if self.ends_with is not None:
            self.pass_on(self.ends_with)

    def pass_on(self, number: int) -> None:
        """Make the host end the session, now or as soon as it can."""
        self.ends_with = number
        if self.host and self.serves:
            os.kill(self.host, number)
        elif self.restarts_at is not None:
            self.restarts_at = 0.0

    def collect(self) -> int | None:
        """Reap all children that have ended.

        Returns the exit status of the keeper if it is to end, and None if not.
        """
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self.host and os.waitid(os.P_PID, self.host, options) is not None:
            self.orphans.read_marks()  # before all else: short jobs end soon
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, options)
            except ChildProcessError:
                found = None
                if not self.host and self.restarts_at is None:
                    return ORDERLY  # another host serves, and no jobs are left here
            if found is None:
                return None
            pid, how = found.si_pid, found.si_status
            status = how << 8 if found.si_code == os.CLD_EXITED else how
            if pid != self.host:
                self.orphans.note(pid, status, self.host, self.host_born)
            os.waitpid(pid, 0)
            self.orphans.forget(pid)
            if pid == self.host:
                self.host = 0
                end = self.host_ended(pid, status)
                if end is not None:
                    return end

    def host_ended(self, pid: int, status: int) -> int | None:
        """Decide how to continue; return the exit status if the keeper should end."""
        from .proc import has_children

        code = os.waitstatus_to_exitcode(status)
        if code == ORDERLY:
            return ORDERLY
        if code == RESTART:
            self.become_new()
        if not self.has_served:
            # The program that started it has got the reason.
            if code == IN_USE:
                return 1
            return code if code > 0 else 128 - code
        if code == IN_USE:
            self.orphans.all_noted = False  # of the host that has the session open
            self.in_use += 1
            if self.in_use >= _MOST_IN_USE:
                self.say("another host serves the session")
                self.release_lock()
                return None if has_children() else ORDERLY
        if self.pauses.in_vain >= _MOST_IN_VAIN and not has_children():
            self.say("no host can be started, and no job needs one")
            return 1
        lived = time.monotonic() - self.began
        pause = self.pauses.next(lived, served=self.serves)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        text = f"the host (process {pid}) {how}; another one starts"
        self.say(f"{text} in {pause:g} s" if pause else text)
        self.restarts_at = time.monotonic() + pause
        return None

    def become_new(self) -> None:
        """Replace this process by the installed keeper, with the same children."""
        arguments = [f"--dir={self.directory}"]
        if self.foreground:
            arguments.append("--foreground")
        if self.lock is not None:
            # Otherwise a client could start another keeper in between.
            os.set_inheritable(self.lock, True)
            arguments.append(f"--lock={self.lock}")
        self.orders.take()
        arguments.append(hand_over(self.orders.held))
        become(sys.executable, sys.argv[0], arguments, self.orders.settings)

    def release_lock(self) -> None:
        """Release the lock for the keeper of another host."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def say(self, text: str) -> None:
        """Report why something happened: in the log, and in the lock file."""
        at = time.strftime("%Y-%m-%d %H:%M:%S")
        line = f"{at} {os.getpid()} keeper: {text}\n"
        try:
            os.write(2, line.encode())
            if self.lock is not None:
                # In this order, concurrent readers find a complete line.
                os.pwrite(self.lock, line.encode(), 0)
                os.ftruncate(self.lock, len(line.encode()))
        except OSError:
            pass  # there is no other place to report it


def _be_subreaper() -> None:
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    # A host that becomes a keeper has set this signal before.
    prctl(_DEATH_SIGNAL, 0, 0, 0, 0)
