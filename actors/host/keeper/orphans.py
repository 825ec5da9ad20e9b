"""The orphans of a session: their exits are recorded before they are reaped."""

import os
import time

from .files import open_own
from .proc import ENDED, boot_id, children, look, mark_of, number_of, used

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_EXITS = "exits"
_LOADING_LOOKS = 50
_LOADING_PAUSE = 0.001


class Orphans:
    """The state of jobs whose host has died."""

    def __init__(self, directory: str, say: "Callable[[str], None]") -> None:
        self.all_noted = True
        """Whether the exits of all jobs of dead hosts are recorded."""
        self._path = f"{directory}/{_EXITS}"
        self._say = say
        self._boot = boot_id()
        self._marks: dict[int, bytes] = {}

    def note(self, pid: int, status: int, host: int, host_born: int) -> None:
        """Record the exit of an orphan that may be a job: jobs lead sessions.

        Orphans from jobs of the living host are younger than that host, and not jobs of
        an earlier one. A host that is dying may have orphaned its jobs already; then
        its first thread has ended.
        """
        found = look(pid)
        if found is None or found[1] != pid:
            return
        born = found[2]
        if host and born > host_born:
            leader = look(host)
            if leader is not None and leader[0] not in ENDED:
                return
        line = (
            f"{self._boot} {pid} {born} {status} {used(pid)} {number_of(pid)}".encode()
        )
        if pid in self._marks:
            line += b" " + self._marks[pid]
        line += b"\n"
        try:
            fd = open_own(self._path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.fstat(fd).st_size
                # A keeper that was killed may have left an incomplete line.
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(fd, line)
            finally:
                os.close(fd)
        except OSError as error:
            self.all_noted = False
            self._say(f"can't note the exit of process {pid}: {error.strerror}")

    def forget(self, pid: int) -> None:
        """Forget a process that is reaped."""
        self._marks.pop(pid, None)

    def read_marks(self) -> None:
        """Read the marks of the jobs of a dead host, while they are running.

        The next host knows most of them by their ids, except those that this host had
        just started. They have no mark until they have executed their program.
        """
        for _ in range(_LOADING_LOOKS):
            is_loading = False
            for pid in children() - self._marks.keys():
                mark = mark_of(pid)
                if mark is None:
                    is_loading = True
                elif mark:
                    self._marks[pid] = mark
            if not is_loading:
                return
            time.sleep(_LOADING_PAUSE)
