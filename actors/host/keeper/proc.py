"""The state of the keeper's children, from /proc and system calls."""

import os
import sys

from . import HOST_MODULE

ENDED = ("Z", "X")
"""The states of processes that have ended."""

_MARK = b"BACKBURNER_TASK="
_LONGEST_MARK = 4096
_GET_ATTRIBUTES = {  # sched_getattr; see `processes/start_number.py`
    "x86_64": 315,
    "aarch64": 275,
    "riscv64": 275,
    "loongarch64": 275,
}
_ATTRIBUTES_SIZE = 48


def look(pid: int) -> tuple[str, int, int] | None:
    """Return the state, the session and the start of a process; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            content = file.read(4096)
    except OSError:
        return None
    fields = content.rpartition(b") ")[2].split()
    return fields[0].decode(), int(fields[3]), int(fields[19])


def used(pid: int) -> str:
    """Return the usage of an ended process: CPU in clock ticks, bytes of disks."""
    ticks = read = written = 0
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(4096).rpartition(b") ")[2].split()
        ticks = sum(int(it) for it in fields[11:15])
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            counts = dict(it.split(b": ") for it in file.read(4096).splitlines())
        read, written = int(counts[b"read_bytes"]), int(counts[b"write_bytes"])
    except (OSError, ValueError, KeyError, IndexError):
        pass  # its exit status matters more
    return f"{ticks} {read} {written}"


def number_of(pid: int) -> int:
    """Return the time slice of a process; 0 if unknown.

    For jobs it is the number of their start.
    """
    import ctypes

    call = _GET_ATTRIBUTES.get(os.uname().machine)
    if call is None or sys.maxsize < 1 << 32:
        return 0
    found = ctypes.create_string_buffer(_ATTRIBUTES_SIZE)
    if ctypes.CDLL(None).syscall(call, pid, found, _ATTRIBUTES_SIZE, 0):
        return 0
    return int.from_bytes(found.raw[24:32], sys.byteorder)


def children() -> set[int]:
    """Return the ids of the children of this process; empty if unsupported."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return {int(it) for it in file.read().split()}
    except OSError:
        return set()


def mark_of(pid: int) -> bytes | None:
    """Return the mark of a process, empty if it has none; None while it loads.

    Before it has executed its program it has the command line of the host, and then
    none for a moment.
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
    found = look(pid)
    if found is None or found[0] in ENDED:
        return b""
    return None if not command or HOST_MODULE.encode() in command.split(b"\0") else b""


def boot_id() -> str:
    """Return the id of this boot of the system; "0" if unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip().replace("-", "")[:32] or "0"
    except OSError:
        return "0"


def has_children() -> bool:
    """Return whether this process has any child, running or not reaped yet."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
