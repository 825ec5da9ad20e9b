"""The keeper of a session: the parent of its host, which the jobs outlive.

    python -I -S run_keeper.py --dir=FOLDER [--ready=FD] [--foreground] [--again]
        [--held=]

Run by the path of `run_keeper.py`. It imports nothing of this project and little of
Python, so that it stays small, and so that nothing but the kernel can end it. The
settings of the host are on stdin. It

- is a child subreaper: what is orphaned below it becomes its child;
- starts the host, and starts it again if that dies;
- notes how orphans ended in the file `exits`, before it collects them;
- holds copies of the descriptors on which jobs depend, such as their terminals, and
  hands them to the next host, with other settings if it is given any;
- ends when the host has ended in order.

It sleeps in `sigwait` and does nothing else. SIGTERM and SIGINT go to the host.
"""

import _socket
import errno
import os
import stat
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # The same without enumerations, which take a third of what loads before the host.
    import _signal as signal

ORDERLY = 0
"""The exit status of a host whose session has ended."""

RESTART = 75
"""The exit status of a host that makes room for another version of the program."""

IN_USE = 73
"""The exit status of a host that found the session open elsewhere."""

SERVES = signal.SIGUSR1
"""What a host sends to its keeper when clients can connect."""

LOCK = "keeper"
"""The file of which the keeper holds the lock."""
_EXITS = "exits"
_MODULE = "backburner.actors.host"
_MARK = b"BACKBURNER_TASK="
_LONGEST_MARK = 4096
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_GIVEN = signal.SIGIO  # what the kernel sends when a host gives a descriptor
_WAITED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, SERVES, _GIVEN}
_LONGEST_ORDER = 64  # bytes: `keep 3` or `settings` with a descriptor, or `drop 3`
_SHORTEST_PAUSE = 0.1  # seconds, before a host that follows one that never served
_LONGEST_PAUSE = 30.0
_AT_ONCE = 20  # hosts that served and died that are replaced without a pause
_PAYS_BACK = 1.0  # seconds after which one more of them is
_LONGEST_AFTER_SERVICE = 2.0  # clients wait for the next
_MOST_IN_USE = 6  # attempts to start a host while the session is open elsewhere
_MOST_IN_VAIN = 10  # attempts without any job left that would need a host
_LOADING_LOOKS = 50
_LOADING_PAUSE = 0.001
_GET_ATTRIBUTES = {  # sched_getattr; see `processes/start_number.py`
    "x86_64": 315,
    "aarch64": 275,
    "riscv64": 275,
    "loongarch64": 275,
}
_ATTRIBUTES_SIZE = 48
_ENDED = ("Z", "X")
_LOCK_TRIES = 100
_STANDARD_ERROR = 2
_FILE_FLAGS = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Keeper:
    """What the keeper knows of its host and its orphans."""

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
        self.settings = b""
        self.foreground = foreground
        self.again = again
        self.boot = ""
        self.lock = lock
        self.held = held
        """Descriptors by the ids of the tasks that depend on them."""
        self.orders: _socket.socket | None = None
        self.host = 0
        self.host_born = 0
        self.began = 0.0
        self.serves = False
        self.has_served = again
        self.in_vain = 0
        """How many hosts have died one after the other that never served."""
        self.at_once = float(_AT_ONCE)
        self.in_use = 0
        self.restarts_at: float | None = None
        self.all_noted = True
        """Whether the ends of all jobs that no living host has seen are noted."""
        self.marks: dict[int, bytes] = {}
        """The marks of orphans, by their ids."""
        self.ends_with: int | None = None
        """A signal for the next host, which then ends the session."""

    def run(self, ready: int | None) -> int:
        """Keep hosts until the session has ended; return the exit status."""
        if self.again:
            self.become_ready()
            self.read_marks()
        self.start(ready)
        while True:
            status = self.collect()
            if status is not None:
                return status
            number = self.wait()
            self.take_orders()
            if number == SERVES:
                self.note_service()
            elif number is not None and number in (signal.SIGTERM, signal.SIGINT):
                self.pass_on(number)
            if self.restarts_at is not None and time.monotonic() >= self.restarts_at:
                self.start(None)

    def wait(self) -> int | None:
        """Block until there is a signal, or a host is to be started."""
        if self.restarts_at is None:
            return signal.sigwait(_WAITED)
        left = max(0.0, self.restarts_at - time.monotonic())
        found = signal.sigtimedwait(_WAITED, left)
        return None if found is None else found.si_signo

    def start(self, ready: int | None) -> None:
        """Start a host; it gets the settings on stdin, and does nothing before.

        While it is loaded this process becomes what keeps it.
        """
        self.restarts_at = None
        self.serves = False
        self.began = time.monotonic()
        settings, give = os.pipe()
        command = [sys.executable, "-P", "-m", _MODULE, f"--keeper={os.getpid()}"]
        if self.foreground:
            command.append("--foreground")
        if self.has_served and self.all_noted:
            command.append("--all-noted")
        if ready is not None:
            command.append(f"--ready={ready}")
            os.set_inheritable(ready, True)
        own, store = self.open_store()
        command += [f"--store={store.fileno()}", f"--held={held_text(self.held)}"]
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(settings, 0)
                for fd in (store.fileno(), *self.held.values()):
                    os.set_inheritable(fd, True)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                if self.foreground:
                    # Ctrl+C is for the keeper alone, which passes it on once.
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
        found = _look(pid)
        self.host_born = 0 if found is None else found[2]
        if not self.boot:
            self.become_ready()
        self.hear(own)
        try:
            with open(give, "wb", buffering=0) as file:
                file.write(self.settings)
        except BrokenPipeError:
            pass  # it has died

    def become_ready(self) -> None:
        """Take what this process needs before a host may have jobs."""
        _be_subreaper()
        if self.lock is None:
            self.lock = take_lock(f"{self.directory}/{LOCK}")
        self.boot = _boot_id()
        with open(0, "rb", closefd=False) as file:
            self.settings = file.read()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)

    def open_store(self) -> tuple[_socket.socket, _socket.socket]:
        """Return both ends of a socket by which a host gives descriptors."""
        self.take_orders()  # what the last host gave before it ended
        if self.orders is not None:
            self.orders.close()
            self.orders = None
        own, store = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        own, store = (_socket.socket(fileno=it.detach()) for it in (own, store))
        return own, store

    def hear(self, own: _socket.socket) -> None:
        """Be told by a signal of what the host gives."""
        import fcntl

        fd = own.fileno()
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        self.orders = own

    def take_orders(self) -> None:
        """Take and close descriptors, as the host asked."""
        while self.orders is not None:
            try:
                data, extra, _, _ = self.orders.recvmsg(
                    _LONGEST_ORDER, _socket.CMSG_SPACE(4)
                )
            except OSError:
                return  # there is no more
            if not data:
                self.orders.close()
                self.orders = None
                return
            fds = [
                int.from_bytes(value[:4], sys.byteorder)
                for level, kind, value in extra
                if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
            ]
            word, _, number = data.partition(b" ")
            if word == b"settings" and fds:
                self.settings = os.pread(fds[0], os.fstat(fds[0]).st_size, 0)
            elif number.isdigit():
                before = self.held.pop(int(number), None)
                if before is not None:
                    os.close(before)
                if word == b"keep" and fds:
                    self.held[int(number)] = fds.pop()
                elif word == b"keep":
                    self.say(f"can't hold what task {int(number)} depends on")
            for fd in fds:
                os.close(fd)

    def note_service(self) -> None:
        """Note that the host serves; nobody else has a reason to send that signal."""
        self.serves = self.has_served = self.all_noted = True
        self.in_use = 0
        if self.ends_with is not None:
            self.pass_on(self.ends_with)

    def pass_on(self, number: int) -> None:
        """Let the host end the session, now or as soon as it can."""
        self.ends_with = number
        if self.host and self.serves:
            os.kill(self.host, number)
        elif self.restarts_at is not None:
            self.restarts_at = 0.0

    def collect(self) -> int | None:
        """Collect all children that have ended.

        Returns the exit status of the keeper if it is to end, and None if not.
        """
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if self.host and os.waitid(os.P_PID, self.host, options) is not None:
            self.read_marks()  # before anything else: short jobs end soon
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, options)
            except ChildProcessError:
                found = None
                if not self.host and self.restarts_at is None:
                    return ORDERLY  # another host serves, and nothing is left here
            if found is None:
                return None
            pid, how = found.si_pid, found.si_status
            status = how << 8 if found.si_code == os.CLD_EXITED else how
            if pid != self.host:
                self.note(pid, status)
            os.waitpid(pid, 0)
            self.marks.pop(pid, None)
            if pid == self.host:
                self.host = 0
                end = self.host_ended(pid, status)
                if end is not None:
                    return end

    def note(self, pid: int, status: int) -> None:
        """Note how an orphan ended that may be a job: those lead sessions.

        What the jobs of the host that lives have orphaned is younger than that host,
        and no job of an earlier one. One that is dying may have orphaned its jobs
        already; its first thread has ended then.
        """
        found = _look(pid)
        if found is None or found[1] != pid:
            return
        born = found[2]
        if self.host and born > self.host_born:
            host = _look(self.host)
            if host is not None and host[0] not in _ENDED:
                return
        used = f"{_used(pid)} {_number_of(pid)}"
        line = f"{self.boot} {pid} {born} {status} {used}".encode()
        if pid in self.marks:
            line += b" " + self.marks[pid]
        line += b"\n"
        try:
            path = f"{self.directory}/{_EXITS}"
            fd = _open_own(path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.fstat(fd).st_size
                # A keeper that was killed may have left half a line.
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError as error:
            self.all_noted = False
            self.say(f"can't note the exit of process {pid}: {error.strerror}")

    def read_marks(self) -> None:
        """Read the marks of the jobs of a host that has died, as long as they live.

        The next host knows most of them by their ids; not those that this one had just
        started. They have no mark before they have loaded their program.
        """
        for _ in range(_LOADING_LOOKS):
            is_loading = False
            for pid in _children() - self.marks.keys():
                mark = _mark_of(pid)
                if mark is None:
                    is_loading = True
                elif mark:
                    self.marks[pid] = mark
            if not is_loading:
                return
            time.sleep(_LOADING_PAUSE)

    def host_ended(self, pid: int, status: int) -> int | None:
        """Decide what follows; return the exit status of the keeper if it ends."""
        code = os.waitstatus_to_exitcode(status)
        if code == ORDERLY:
            return ORDERLY
        if code == RESTART:
            self.become_new()
        if not self.has_served:
            # The one who starts it has been told why.
            if code == IN_USE:
                return 1
            return code if code > 0 else 128 - code
        if code == IN_USE:
            self.all_noted = False  # of the one that has the session
            self.in_use += 1
            if self.in_use >= _MOST_IN_USE:
                self.say("another host serves the session")
                self.release_lock()
                return None if _has_children() else ORDERLY
        if self.in_vain >= _MOST_IN_VAIN and not _has_children():
            self.say("no host can be started, and no job needs one")
            return 1
        pause = self.next_pause()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        text = f"the host (process {pid}) {how}; another one starts"
        self.say(f"{text} in {pause:g} s" if pause else text)
        self.restarts_at = time.monotonic() + pause
        return None

    def next_pause(self) -> float:
        """Return the seconds until the host that has died is replaced.

        Clients wait for it: after one that served there is no pause, unless such hosts
        die faster than one a second for a while. After one that never served it is
        longer each time.
        """
        if not self.serves:
            self.in_vain += 1
            longer = _SHORTEST_PAUSE * 2 ** min(self.in_vain - 1, 20)
            return min(longer, _LONGEST_PAUSE)
        self.in_vain = 0
        lived = time.monotonic() - self.began
        self.at_once = min(_AT_ONCE, self.at_once + lived / _PAYS_BACK) - 1
        return min(max(0.0, -self.at_once * _PAYS_BACK), _LONGEST_AFTER_SERVICE)

    def become_new(self) -> None:
        """Become the keeper that is installed now, with the same children."""
        arguments = [f"--dir={self.directory}"]
        if self.foreground:
            arguments.append("--foreground")
        if self.lock is not None:
            # Else a client could start another keeper in between.
            os.set_inheritable(self.lock, True)
            arguments.append(f"--lock={self.lock}")
        self.take_orders()
        arguments.append(hand_over(self.held))
        become(sys.executable, sys.argv[0], arguments, self.settings)

    def release_lock(self) -> None:
        """Let the keeper of another host have the lock."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def say(self, text: str) -> None:
        """Say why something happened: in the log, and in the file of the lock."""
        at = time.strftime("%Y-%m-%d %H:%M:%S")
        line = f"{at} {os.getpid()} keeper: {text}\n"
        try:
            os.write(2, line.encode())
            if self.lock is not None:
                # In this order somebody who reads meanwhile finds a whole line.
                os.pwrite(self.lock, line.encode(), 0)
                os.ftruncate(self.lock, len(line.encode()))
        except OSError:
            pass  # nobody can be told


def become(python: str, path: str, arguments: list[str], settings: bytes) -> None:
    """Become a keeper: the children of this process stay its children.

    Raises OSError if that fails.
    """
    fd = os.memfd_create("settings")
    os.write(fd, settings)
    os.lseek(fd, 0, os.SEEK_SET)
    os.dup2(fd, 0)
    os.close(fd)
    os.execv(python, [python, "-I", "-S", path, *arguments, "--again"])


def held_text(held: dict[int, int]) -> str:
    """Return descriptors as they are written in an argument: `3:11,7:12`."""
    return ",".join(f"{task_id}:{fd}" for task_id, fd in held.items())


def read_held(text: str) -> dict[int, int]:
    """Return what `held_text` wrote; what a program closed meanwhile is left out."""
    held: dict[int, int] = {}
    for entry in filter(None, text.split(",")):
        task_id, _, fd = entry.partition(":")
        try:
            os.set_inheritable(int(fd), False)
        except OSError:
            continue
        held[int(task_id)] = int(fd)
    return held


def hand_over(held: dict[int, int]) -> str:
    """Return the argument by which the keeper that this process becomes holds these."""
    for fd in held.values():
        os.set_inheritable(fd, True)
    return f"--held={held_text(held)}"


def _look(pid: int) -> tuple[str, int, int] | None:
    """Return the state, the session and the start of a process; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            content = file.read(4096)
    except OSError:
        return None
    fields = content.rpartition(b") ")[2].split()
    return fields[0].decode(), int(fields[3]), int(fields[19])


def _used(pid: int) -> str:
    """Return what a process that has ended used: CPU in clock ticks, bytes of disks."""
    ticks = read = written = 0
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(4096).rpartition(b") ")[2].split()
        ticks = sum(int(it) for it in fields[11:15])
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            counts = dict(it.split(b": ") for it in file.read(4096).splitlines())
        read, written = int(counts[b"read_bytes"]), int(counts[b"write_bytes"])
    except (OSError, ValueError, KeyError, IndexError):
        pass  # how it ended matters more
    return f"{ticks} {read} {written}"


def _number_of(pid: int) -> int:
    """Return the length of the time slices of a process; 0 if that can't be told.

    Of jobs it is the number of their start.
    """
    import ctypes

    call = _GET_ATTRIBUTES.get(os.uname().machine)
    if call is None or sys.maxsize < 1 << 32:
        return 0
    found = ctypes.create_string_buffer(_ATTRIBUTES_SIZE)
    if ctypes.CDLL(None).syscall(call, pid, found, _ATTRIBUTES_SIZE, 0):
        return 0
    return int.from_bytes(found.raw[24:32], sys.byteorder)


def _children() -> set[int]:
    """Return the ids of the children of this process; none if the system can't tell."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return {int(it) for it in file.read().split()}
    except OSError:
        return set()


def _mark_of(pid: int) -> bytes | None:
    """Return the mark of a process, empty if it has none; None while it loads.

    Before it has its own program it has the command line of the host, and then none for
    a moment.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            environment = file.readall()
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            command = file.readall()
    except OSError:
        return b""
    for variable in environment.split(b"\0"):
        if variable.startswith(_MARK):
            mark = variable[len(_MARK) :]
            usable = mark.isascii() and mark.decode().isprintable()
            usable = usable and b" " not in mark and len(mark) <= _LONGEST_MARK
            return mark if usable else b""
    found = _look(pid)
    if found is None or found[0] in _ENDED:
        return b""
    return None if not command or _MODULE.encode() in command.split(b"\0") else b""


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip().replace("-", "")[:32] or "0"
    except OSError:
        return "0"


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _open_own(path: str, flags: int) -> int:
    """Open a file, made if it is missing, that is this user's alone.

    Raises OSError if there is anything else, such as a hard link to another file.
    """
    fd = os.open(path, flags | _FILE_FLAGS, 0o600)
    found = os.fstat(fd)
    if (
        not stat.S_ISREG(found.st_mode)
        or found.st_uid != os.geteuid()
        or found.st_nlink > 1
        or found.st_mode & 0o022
    ):
        os.close(fd)
        raise PermissionError(errno.EPERM, "not a file of this user alone", path)
    return fd


def take_lock(path: str) -> int | None:
    """Take the lock that says that there is a keeper; None if another has it."""
    import fcntl

    try:
        fd = _open_own(path, os.O_RDWR)
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)  # a look whether it is taken takes it as well
            else:
                return fd
        os.close(fd)
    except OSError:
        pass  # the host says what is wrong with the folder
    return None


def _be_subreaper() -> None:
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    # What a host asked for that has become this keeper.
    prctl(_DEATH_SIGNAL, 0, 0, 0, 0)


def _close_inherited(kept: int | None) -> None:
    """Close what the one who starts this left open: it would stay open for long."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > _STANDARD_ERROR and fd != kept:
            try:
                os.close(fd)
            except OSError:
                continue  # that of the list


def main(arguments: list[str]) -> int:
    """Keep the host of a session; return the exit status."""
    directory, ready, lock = "", None, None
    held: dict[int, int] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--dir":
            directory = value
        elif name == "--ready":
            ready = int(value)
        elif name == "--lock":
            lock = int(value)
            os.set_inheritable(lock, False)
        elif name == "--held":
            held = read_held(value)
    if "--check" in arguments:
        return 0
    foreground, again = "--foreground" in arguments, "--again" in arguments
    if not (foreground or again):
        _close_inherited(ready)
    if not (foreground or again) and os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, _WAITED)
    # It may have been started with this ignored: then no end of a host is noticed.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if places := os.environ.get("PYTHONPATH"):
        # The next host must find the program where this one does.
        absolute = (os.path.abspath(it) for it in places.split(os.pathsep) if it)
        os.environ["PYTHONPATH"] = os.pathsep.join(absolute)
    os.chdir("/")
    keeper = Keeper(
        directory,
        foreground=foreground,
        again=again,
        lock=lock,
        held=held,
    )
    return keeper.run(ready)
